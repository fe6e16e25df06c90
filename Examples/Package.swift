// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v26)],
    dependencies: [
        // The name, since a clone's folder can have any.
        .package(name: "RivetAsync", path: "..")
    ],
    targets: [
        .executableTarget(
            name: "Counter",
            dependencies: [
                .product(name: "RivetAsync", package: "RivetAsync"),
                .product(name: "RivetAsyncLocal", package: "RivetAsync"),
            ],
            swiftSettings: settings
        )
    ]
)

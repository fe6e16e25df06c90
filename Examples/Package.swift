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

/// One program for each thing that a client does, in the order in which to read them.
let programs = [
    "MinimalClient",
    "StatelessAndStateful",
    "GettingActors",
    "Parameters",
    "Events",
    "Lifecycle",
    "LowLevel",
    "Backend",
    "ErrorHandling",
    "CompoundKeys",
    "Configuration",
    "Counter",
]

/// Programs of a page or two, each with a README.md of its own.
let applications = ["Worker", "Chat", "LivePage", "TokenStream", "Auction"]

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v26)],
    dependencies: [
        // The name, since a clone's folder can have any.
        .package(name: "RivetAsync", path: "..")
    ],
    targets: [
        .target(
            name: "ExampleSupport",
            dependencies: [
                .product(name: "RivetAsync", package: "RivetAsync"),
                .product(name: "RivetAsyncLocal", package: "RivetAsync"),
            ],
            swiftSettings: settings
        )
    ]
        + (programs + applications).map { name in
            .executableTarget(
                name: name,
                dependencies: ["ExampleSupport", .product(name: "RivetAsync", package: "RivetAsync")],
                exclude: applications.contains(name) ? ["README.md"] : [],
                swiftSettings: settings
            )
        }
)

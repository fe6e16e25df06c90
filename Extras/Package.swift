// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "RivetAsyncExtras",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "RivetServiceLifecycle", targets: ["RivetServiceLifecycle"]),
        .library(name: "RivetObservability", targets: ["RivetObservability"]),
    ],
    dependencies: [
        .package(name: "RivetAsync", path: ".."),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.11.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.10.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.4.0"),
    ],
    targets: [
        .target(
            name: "RivetServiceLifecycle",
            dependencies: [
                .product(name: "RivetAsync", package: "RivetAsync"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "RivetObservability",
            dependencies: [
                .product(name: "RivetAsync", package: "RivetAsync"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ExtrasTests",
            dependencies: [
                "RivetServiceLifecycle", "RivetObservability",
                .product(name: "RivetAsyncLocal", package: "RivetAsync"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
    ]
)

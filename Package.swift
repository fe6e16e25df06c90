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

// What the compiler cannot prove safe says `unsafe` or `@safe` and why: CONTRIBUTING.md, "Unsafe code".
let librarySettings = settings + [.strictMemorySafety()]

let package = Package(
    name: "RivetAsync",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "RivetAsync", targets: ["RivetAsync"]),
        .library(name: "RivetAsyncLocal", targets: ["RivetAsyncLocal"]),
    ],
    targets: [
        // Headers only: epoll and eventfd are not visible through `import Glibc`.
        .target(name: "CEpoll"),
        .target(name: "RivetAsync", dependencies: ["CEpoll"], swiftSettings: librarySettings),
        .target(name: "RivetAsyncLocal", dependencies: ["RivetAsync"], swiftSettings: librarySettings),
        .target(name: "CAllocationCounter", path: "Benchmarks/Allocations"),
        .executableTarget(
            name: "Benchmarks",
            dependencies: ["RivetAsync", "RivetAsyncLocal", "CAllocationCounter"],
            path: "Benchmarks",
            exclude: ["Allocations", "Peers", "size.sh"],
            swiftSettings: settings
        ),
        // Eight tests at once; in C, since it has to be said before anything else runs.
        .target(name: "CTestWidth", path: "Tests/Width"),
        .testTarget(
            name: "RivetAsyncTests",
            dependencies: ["RivetAsync", "RivetAsyncLocal", "CTestWidth"],
            exclude: ["Vectors", "Fakes/TLS"],
            swiftSettings: settings
        ),
        // The same behaviours on the local engine and, where one is named, on Rivet's own.
        .testTarget(
            name: "RealEngineTests",
            dependencies: ["RivetAsync", "RivetAsyncLocal"],
            exclude: ["Host"],
            swiftSettings: settings
        ),
    ]
)

// swift-tools-version: 6.2
import PackageDescription

// What RivetAsync is held against. Each peer is an executable of its own: `swift run -c release --package-path
// Benchmarks/Peers FoundationJSON`.
let package = Package(
    name: "Peers",
    platforms: [.macOS(.v26)],
    targets: [
        .executableTarget(name: "FoundationJSON", path: "FoundationJSON")
    ]
)

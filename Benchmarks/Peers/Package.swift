// swift-tools-version: 6.2
import PackageDescription

// What RivetAsync is held against. Each peer is an executable of its own: `swift run -c release --package-path
// Benchmarks/Peers FoundationJSON`. They print their own figures; ratios to ours, taken in turn in one run, are in the
// root's `swift run -c release Benchmarks --filter codecs`.
let package = Package(
    name: "Peers",
    platforms: [.macOS(.v26)],
    targets: [
        .executableTarget(name: "FoundationJSON", path: "FoundationJSON")
    ]
)

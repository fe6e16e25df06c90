// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync

/// The certificates of the TLS tests, made once for each run by `Fakes/TLS/certificates.sh`.
struct TestCertificates: Sendable {
    /// Where the scripts are.
    static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("TLS").path

    /// Whether the programs that the TLS tests need are there.
    static let areAvailable = ["openssl", "python3", "sh"].allSatisfy { ChildProcess.exists($0) }

    private static let made = Task {
        let directory = NSTemporaryDirectory() + "rivet-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        atexit { TestCertificates.remove() }
        path = directory
        try await ChildProcess.run("sh", ["\(scripts)/certificates.sh", directory])
        return TestCertificates(directory: directory)
    }

    /// Set once, before anybody can read it.
    private nonisolated(unsafe) static var path: String?

    private static func remove() {
        if let path { try? FileManager.default.removeItem(atPath: path) }
    }

    static func shared() async throws -> TestCertificates { try await made.value }

    let directory: String

    func certificate(_ name: String) -> String { "\(directory)/\(name).pem" }
    func key(_ name: String) -> String { "\(directory)/\(name).key" }
    func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: certificate(name))))
    }

    func keyBytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(fileURLWithPath: key(name)))) }

    /// A client's options, which trust the test's root alone and expect `name` of the server.
    func options(for name: String) -> TLSOptions {
        var options = TLSOptions()
        options.trustStore = .pemFile(certificate("root"))
        options.serverName = name
        return options
    }
}

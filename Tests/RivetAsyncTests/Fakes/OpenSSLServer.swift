// SPDX-License-Identifier: Apache-2.0

/// `openssl s_server` for one connection after another; each line that comes it sends back reversed.
struct OpenSSLServer: Sendable {
    let process: ChildProcess
    let port: Int

    init(certificate: String, _ options: [String] = [], _ certificates: TestCertificates) async throws {
        let arguments = ["s_server", "-accept", "127.0.0.1:0", "-rev"]
        process = try ChildProcess(
            "openssl",
            arguments + ["-cert", certificates.certificate(certificate), "-key", certificates.key(certificate)]
                + options
        )
        let line = try await process.line { $0.hasPrefix("ACCEPT ") }
        guard let port = line.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw ChildProcess.Failure(description: line)
        }
        self.port = port
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation

/// TLS servers of Python's ssl, all in one process (`Fakes/TLS/server.py`).
struct PythonTLSServers: Sendable {
    struct Server: Encodable, Sendable {
        var name: String
        var certificate = "good"
        var minimum: String?
        var maximum: String?
        var clients: String?
        var mode: String?
        /// What a server of mode `truncate` sends, a byte for each character, before it ends without `close_notify`; of
        /// mode `literal`, in plain text and in place of a handshake.
        var answer: String?
        var protocols: [String]?
    }

    let process: ChildProcess

    init(_ servers: [Server], _ certificates: TestCertificates) throws {
        let list = String(decoding: try JSONEncoder().encode(servers), as: UTF8.self)
        process = try ChildProcess(
            "python3",
            ["\(TestCertificates.scripts)/server.py", certificates.directory, list]
        )
    }

    func port(_ name: String) async throws -> Int {
        let line = try await line(name) { $0.hasPrefix("port ") }
        guard let port = Int(line.dropFirst("port ".count)) else { throw ChildProcess.Failure(description: line) }
        return port
    }

    /// The first line that server `name` printed, without its name, for which `condition` holds.
    func line(_ name: String, where condition: @escaping @Sendable (String) -> Bool) async throws -> String {
        let prefix = name + " "
        let line = try await process.line { $0.hasPrefix(prefix) && condition(String($0.dropFirst(prefix.count))) }
        return String(line.dropFirst(prefix.count))
    }
}

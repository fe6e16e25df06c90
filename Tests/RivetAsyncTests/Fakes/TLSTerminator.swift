// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Ends TLS before a plain port of this machine, as a load balancer does (`Fakes/TLS/terminator.py`).
///
/// It runs until it is stopped or released. Tests that use it need `.enabled(if: TestCertificates.areAvailable)`.
struct TLSTerminator: Sendable {
    /// Where it listens, on 127.0.0.1.
    let port: Int
    /// What a client needs to reach it as `https://127.0.0.1:port` or `https://localhost:port`.
    let options: TLSOptions
    private let process: ChildProcess

    /// `newest` is the newest TLS version, in Python's words: `TLSv1_2` or `TLSv1_3`.
    init(forwardingTo plainPort: Int, newest: String = "TLSv1_3") async throws {
        let certificates = try await TestCertificates.shared()
        let script = "\(TestCertificates.scripts)/terminator.py"
        process = try ChildProcess("python3", [script, certificates.directory, String(plainPort), newest])
        let line = try await process.line { $0.hasPrefix("port ") }
        guard let port = Int(line.dropFirst("port ".count)) else { throw ChildProcess.Failure(description: line) }
        self.port = port
        options = TLSOptions(trustStore: .pemFile(certificates.certificate("root")))
    }

    /// The same for another plain port than its own.
    func options(forwardingTo plainPort: Int) -> TLSOptions {
        var options = options
        options.serverName = "\(plainPort).port.test"
        return options
    }

    /// What it printed of failed connections, for the message of a failed test.
    var failures: [String] { process.lines.filter { $0.hasPrefix("failed") } }

    func stop() async { await process.stop() }
}

/// Reaches plain ports of this machine over TLS, by one terminator for all tests that use it.
struct TerminatedDialer: Dialer {
    static let terminator = Task { try await TLSTerminator(forwardingTo: 0) }

    func dial(_ request: DialRequest) async throws -> any ByteStream {
        let terminator = try await Self.terminator.value
        let options = terminator.options(forwardingTo: request.port)
        var request = request
        (request.host, request.port) = ("127.0.0.1", terminator.port)
        return try await TLSDialer(over: SocketDialer(), options: options).dial(request)
    }
}

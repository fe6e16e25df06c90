// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Handshakes that fail, against real servers, through everything that makes connections.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(2)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct TLSFailureTests {
    private typealias Server = PythonTLSServers.Server

    /// An alert of the server's in the place of its ServerHello (RFC 8446 §5.1, §6).
    private static func alert(_ number: UInt8) -> Server {
        let record = "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}" + String(Character(Unicode.Scalar(number)))
        return Server(name: "alert\(number)", mode: "literal", answer: record)
    }

    private static let servers = Task {
        try PythonTLSServers(
            [
                Server(name: "good"), Server(name: "expired", certificate: "expired"),
                Server(name: "future", certificate: "future"), Server(name: "elsewhere", certificate: "elsewhere"),
                Server(name: "selfsigned", certificate: "selfsigned"), Server(name: "unknown", certificate: "unknown"),
                Server(name: "weakkey", certificate: "weakkey"), Server(name: "old", maximum: "TLSv1_1"),
                Server(name: "mutual12", maximum: "TLSv1_2", clients: "root"),
                Server(name: "mutual13", minimum: "TLSv1_3", clients: "root"), Server(name: "plain", mode: "plain"),
                Server(name: "hangup", mode: "hangup"), alert(40), alert(48), alert(70), alert(80), alert(90),
                alert(112), alert(120),
            ],
            try await TestCertificates.shared()
        )
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var fact: String
        var server: String
        var failure: TLSFailure
        var change: @Sendable (inout TLSOptions, TestCertificates) throws -> Void = { _, _ in }
        var testDescription: String { fact }
    }

    static let finalRows: [Row] = [
        Row(fact: "expired", server: "expired", failure: .expired),
        Row(fact: "not yet valid", server: "future", failure: .notYetValid),
        Row(fact: "self-signed", server: "selfsigned", failure: .untrusted),
        Row(fact: "an unknown issuer", server: "unknown", failure: .untrusted),
        Row(fact: "another name", server: "elsewhere", failure: .otherName),
        Row(fact: "a weak key", server: "weakkey", failure: .badCertificate),
        Row(fact: "an old version", server: "old", failure: .protocolVersion),
        Row(fact: "an old version, by alert", server: "alert70", failure: .protocolVersion),
        Row(fact: "no common cipher", server: "alert40", failure: .cipher),
        Row(fact: "another protocol", server: "alert120", failure: .alpn),
        Row(fact: "an unknown name", server: "alert112", failure: .alert(112)),
        Row(fact: "another alert", server: "alert48", failure: .alert(48)),
        Row(fact: "no client certificate, TLS 1.2", server: "mutual12", failure: .clientCertificateRequired),
        Row(fact: "no client certificate, TLS 1.3", server: "mutual13", failure: .clientCertificateRequired),
        Row(fact: "a stranger's certificate, TLS 1.2", server: "mutual12", failure: .clientCertificateRefused) {
            $0.identity = $1.identity("intruder")
        },
        Row(fact: "a stranger's certificate, TLS 1.3", server: "mutual13", failure: .clientCertificateRefused) {
            $0.identity = $1.identity("intruder")
        },
        Row(fact: "plain HTTP", server: "plain", failure: .notTLS),
        Row(fact: "no library", server: "good", failure: .noLibrary) { options, _ in
            options.libraryNames = .init(ssl: "libssl-absent.so.3", crypto: OpenSSLLibrary.Names.system.crypto)
        },
        Row(fact: "a file that is missing", server: "good", failure: .options) { options, _ in
            options.trustStore = .pemFile("/nowhere/root.pem")
        },
        Row(fact: "a key of another certificate", server: "good", failure: .options) {
            $0.identity = TLSOptions.Identity(certificatePEM: try $1.bytes("client"), keyPEM: try $1.keyBytes("root"))
        },
    ]

    static let passingRows: [Row] = [
        Row(fact: "cut", server: "hangup", failure: .cut),
        Row(fact: "an internal error", server: "alert80", failure: .alert(80)),
        Row(fact: "cancelled", server: "alert90", failure: .alert(90)),
    ]

    /// An actor behind the row's server; by its id, so that without metadata nothing is looked up.
    private static func run(
        _ row: Row,
        metadata: Bool,
        _ body: (ActorHandle<Untyped>) async throws -> Void
    ) async throws {
        let certificates = try await TestCertificates.shared()
        let port = try await servers.value.port(row.server)
        var configuration = try RivetConfiguration(endpoint: "https://127.0.0.1:\(port)")
        configuration.tls = certificates.options(for: "server.test")
        try row.change(&configuration.tls, certificates)
        configuration.looksUpMetadata = metadata
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(1))
        let client = RivetClient(configuration)
        try await scoped(closing: { await client.close(within: .zero) }) {
            try await body(client.getForID("any", ActorID("5jxlv5boumuljx2d2nvyat0o2edl00")))
        }
        #expect(client.context.gauge.counts == .zero)
    }

    private static func check(_ error: RivetError?, _ row: Row, metadata: Bool, _ way: String) {
        #expect(error?.tls == row.failure, "\(way): \(error as Any)")
        let codes: [RivetError.Code?] = metadata ? [.tlsFailed, .metadataUnavailable] : [.tlsFailed]
        #expect(codes.contains(error?.code), "\(way): \(error as Any)")
        #expect(error?.execution == .notSent, "\(way): \(error as Any)")
    }

    @Test(
        "B148, B265: what a repeat cannot mend fails at once, and says what it was",
        arguments: finalRows,
        [true, false]
    )
    func fails(_ row: Row, metadata: Bool) async throws {
        try await Self.run(row, metadata: metadata) { actor in
            let call = await #expect(throws: RivetError.self) { try await actor.action("any") }
            Self.check(call, row, metadata: metadata, "call")
            let socket = await #expect(throws: RivetError.self) { _ = try await actor.webSocket("any") }
            Self.check(socket, row, metadata: metadata, "raw WebSocket")
            let connection = actor.connect()
            let waited = await #expect(throws: RivetError.self) { try await connection.waitUntilConnected() }
            Self.check(waited, row, metadata: metadata, "connection")
            guard case .closed(.failed(let error)) = connection.status.current else {
                Issue.record("the status is \(connection.status.current)")
                return
            }
            Self.check(error, row, metadata: metadata, "status")
            #expect(!error.isTransient)
        }
    }

    @Test("B148, B265: a handshake that was cut is tried again, and says so", arguments: passingRows)
    func goesOn(_ row: Row) async throws {
        // A lookup of metadata would try again by itself, until `openTimeout`.
        try await Self.run(row, metadata: false) { actor in
            let connection = actor.connect()
            var attempts = 0
            for await status in connection.status where attempts < 2 {
                guard case .waiting(let state) = status else {
                    if case .closed = status { break }
                    continue
                }
                #expect(state.cause.tls == row.failure, "\(state.cause)")
                #expect(state.cause.isTransient)
                attempts += 1
                if attempts == 2 { break }
            }
            #expect(attempts == 2)
            await connection.disconnect()
        }
    }

    @Test("B265: only TLS is told as TLS")
    func others() throws {
        let endpoint = try Endpoint.parse("https://h").endpoint
        let lost = RivetError.transport(.tls(.truncated), endpoint, .mayHaveRun)
        #expect(lost.code == .connectionLost && lost.tls == nil && lost.isTransient)
        #expect(RivetError.transport(.laneShutDown, endpoint, .notSent).tls == nil)
        let damaged = RivetError.transport(.tls(TLSError(.damaged, "x")), endpoint, .mayHaveRun)
        #expect(damaged.tls == .malformed && damaged.isTransient && damaged.execution == .mayHaveRun)
        #expect("\(TLSFailure.alert(48)), \(TLSFailure.otherName)" == "alert 48, otherName")
    }
}

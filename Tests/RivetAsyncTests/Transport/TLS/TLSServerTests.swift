// SPDX-License-Identifier: Apache-2.0
import Glibc
import RivetAsync
import RivetAsyncLocal
import Synchronization
import Testing

/// Everything against real servers: Python's ssl, all in one process.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct TLSServerTests {
    private typealias Server = PythonTLSServers.Server

    private static let servers = Task {
        try PythonTLSServers(
            [
                Server(name: "good"),
                Server(name: "good12", maximum: "TLSv1_2"),
                Server(name: "good13", minimum: "TLSv1_3"),
                Server(name: "resumed12", maximum: "TLSv1_2"),
                Server(name: "resumed13", minimum: "TLSv1_3"),
                Server(name: "silent", protocols: []),
                Server(name: "wildcard", certificate: "wildcard"),
                Server(name: "chain", certificate: "chain"),
                Server(name: "mutual12", maximum: "TLSv1_2", clients: "root"),
                Server(name: "mutual13", minimum: "TLSv1_3", clients: "root"),
                Server(name: "dribble12", maximum: "TLSv1_2", mode: "dribble"),
                Server(name: "dribble13", minimum: "TLSv1_3", mode: "dribble"),
                Server(name: "expired", certificate: "expired"),
                Server(name: "future", certificate: "future"),
                Server(name: "elsewhere", certificate: "elsewhere"),
                Server(name: "selfsigned", certificate: "selfsigned"),
                Server(name: "unknown", certificate: "unknown"),
                Server(name: "unknownchain", certificate: "unknownchain"),
                Server(name: "chained", certificate: "chained"),
                Server(name: "nameonly", certificate: "nameonly"),
                Server(name: "partial", certificate: "partial"),
                Server(name: "twostars", certificate: "twostars"),
                Server(name: "clientonly", certificate: "clientonly"),
                Server(name: "weakkey", certificate: "weakkey"),
                Server(name: "weakdigest", certificate: "weakdigest"),
                Server(name: "old", maximum: "TLSv1_1"),
                Server(name: "plain", mode: "plain"),
                Server(name: "hangup", mode: "hangup"),
                Server(name: "mute", mode: "mute"),
                Server(name: "mutecancelled", mode: "mute"),
                Server(name: "truncate12", maximum: "TLSv1_2", mode: "truncate"),
                Server(name: "truncate13", minimum: "TLSv1_3", mode: "truncate"),
            ],
            try await TestCertificates.shared()
        )
    }

    struct Accepted: Sendable, CustomTestStringConvertible {
        var fact: String
        var server: String
        var host = "server.test"
        var change: @Sendable (inout TLSOptions, TestCertificates) throws -> Void = { _, _ in }
        /// How many bytes are sent and come back.
        var count = 5
        /// Parts of what the server says about the connection.
        var seen: [String] = []

        var testDescription: String { fact }
    }

    @Test(arguments: [
        Accepted(fact: "a chain by name", server: "good", seen: ["name=server.test", "protocol=http/1.1"]),
        Accepted(fact: "a name with a final dot", server: "good", host: "server.test.", seen: ["name=server.test"]),
        Accepted(fact: "a name in capitals", server: "good", host: "Server.TEST"),
        Accepted(fact: "an IP address", server: "good", host: "127.0.0.1", seen: ["name=None"]),
        Accepted(fact: "TLS 1.2", server: "good12", seen: ["version=TLSv1.2"]),
        Accepted(fact: "TLS 1.3", server: "good13", seen: ["version=TLSv1.3"]),
        Accepted(
            fact: "TLS 1.3 as the minimum",
            server: "good",
            change: {
                $0.minimumVersion = .v1_3; _ = $1
            }
        ),
        Accepted(fact: "a server without ALPN", server: "silent"),
        Accepted(fact: "a wildcard in the leftmost label", server: "wildcard", host: "any.wild.test"),
        Accepted(fact: "an intermediate sent by the server", server: "chain"),
        Accepted(fact: "a 16 KiB record", server: "good", count: 16_384),
        Accepted(fact: "a megabyte", server: "good12", count: 1 << 20),
        Accepted(fact: "a megabyte over TLS 1.3", server: "good13", count: 1 << 20),
        Accepted(
            fact: "a root given as bytes",
            server: "good",
            change: { $0.trustStore = .pem(try $1.bytes("root")) }
        ),
        Accepted(
            fact: "an additional root",
            server: "good",
            change: {
                $0.trustStore = .pemFile($1.certificate("stranger"))
                $0.additionalRootsPEM = try $1.bytes("root")
            }
        ),
        Accepted(
            fact: "a root of SSL_CERT_FILE",
            server: "good",
            change: { options, certificates in
                let file = certificates.certificate("root")
                options.trustStore = .system
                options.environment = { $0 == "SSL_CERT_FILE" ? file : nil }
            }
        ),
        Accepted(
            fact: "a root of SSL_CERT_DIR",
            server: "good",
            change: { options, certificates in
                let directories = "/nowhere:\(certificates.directory)/hashed"
                options.trustStore = .system
                options.environment = { $0 == "SSL_CERT_DIR" ? directories : nil }
            }
        ),
        Accepted(
            fact: "a self-signed certificate that is trusted itself",
            server: "selfsigned",
            change: { $0.additionalRootsPEM = try $1.bytes("selfsigned") }
        ),
        Accepted(
            fact: "an intermediate that is trusted itself",
            server: "chained",
            change: { $0.trustStore = .pemFile($1.certificate("intermediate")) }
        ),
        Accepted(
            fact: "anything without verification",
            server: "expired",
            host: "else.test",
            change: {
                $0.unsafelySkipsVerification = true; _ = $1
            }
        ),
        Accepted(
            fact: "a client certificate over TLS 1.2",
            server: "mutual12",
            change: { $0.identity = $1.identity("client") },
            seen: ["client=a-client"]
        ),
        Accepted(
            fact: "a client certificate over TLS 1.3",
            server: "mutual13",
            change: { $0.identity = $1.identity("client") },
            seen: ["client=a-client"]
        ),
        Accepted(
            fact: "a client certificate from memory over TLS 1.2",
            server: "mutual12",
            change: { $0.identity = try $1.identityInMemory("client") },
            seen: ["client=a-client"]
        ),
        Accepted(
            fact: "a client certificate from memory over TLS 1.3",
            server: "mutual13",
            change: { $0.identity = try $1.identityInMemory("client") },
            seen: ["client=a-client"]
        ),
        Accepted(
            fact: "a client certificate with its intermediate, from files",
            server: "mutual13",
            change: { $0.identity = $1.identity("clientchain") },
            seen: ["client=a-chained-client"]
        ),
        Accepted(
            fact: "a client certificate with its intermediate, from memory",
            server: "mutual12",
            change: { $0.identity = try $1.identityInMemory("clientchain") },
            seen: ["client=a-chained-client"]
        ),
        Accepted(
            fact: "an additional root from a file",
            server: "good",
            change: {
                $0.trustStore = .pemFile($1.certificate("stranger"))
                $0.additionalRootsPEMFile = $1.certificate("root")
            }
        ),
    ])
    func isAccepted(_ row: Accepted) async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        var options = certificates.options(for: row.host)
        try row.change(&options, certificates)
        let client = TLSClient(options)
        let stream = try await client.dial(port: servers.port(row.server))
        let handler = RecordingHandler()
        let sent = (0..<row.count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        await client.lane.perform { stream.setHandler(handler) }
        stream.writeLater(sent)
        let count = row.count
        #expect(await handler.until { $0.bytes.count >= count || !$0.ends.isEmpty }.bytes == sent)
        await client.lane.perform { stream.finishWriting() }
        #expect(await handler.untilEnd().ends == [.finished])
        for part in row.seen {
            _ = try await servers.line(row.server) { $0.hasPrefix("open ") && $0.contains(part) }
        }
        // The server has seen our `close_notify`, or this line would say that it failed.
        _ = try await servers.line(row.server) { $0 == "closed bytes=\(count)" }
        await client.lane.perform { stream.close() }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test(arguments: ["dribble12", "dribble13"])
    func recordsMayComeByteByByte(_ server: String) async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        let client = TLSClient(certificates.options(for: "server.test"))
        let stream = try await client.dial(port: servers.port(server))
        let handler = RecordingHandler()
        await client.lane.perform { stream.setHandler(handler) }
        stream.writeLater(Array("dribbled".utf8))
        let record = await handler.untilEnd()
        #expect(record.bytes == Array("dribbled".utf8))
        #expect(record.ends == [.finished])
        await client.lane.perform { stream.close() }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test(arguments: ["resumed12", "resumed13"])
    func sessionsAreResumed(_ server: String) async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        let client = TLSClient(certificates.options(for: "server.test"))
        var descriptions: [String] = []
        for _ in 0..<2 {
            let stream = try await client.dial(port: servers.port(server))
            let handler = RecordingHandler()
            await client.lane.perform { stream.setHandler(handler) }
            stream.writeLater([1])
            _ = await handler.until { $0.bytes == [1] || !$0.ends.isEmpty }
            descriptions.append(await client.lane.perform { stream.securityDescription ?? "" })
            // Closed without a word, as a dropped connection is: that must not spoil the session.
            await client.lane.perform { stream.close() }
        }
        _ = try await servers.line(server) { $0.contains("reused=False") }
        _ = try await servers.line(server) { $0.contains("reused=True") }
        #expect(descriptions.map { $0.hasSuffix("http/1.1, resumed") } == [false, true])
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var fact: String
        var server: String
        var host = "server.test"
        var change: @Sendable (inout TLSOptions, TestCertificates) throws -> Void = { _, _ in }
        var kind: TLSError.Kind
        /// Parts of the error's message.
        var says: [String]

        var testDescription: String { fact }
    }

    @Test(arguments: [
        Refused(
            fact: "an expired certificate",
            server: "expired",
            kind: .certificateExpired,
            says: ["the certificate of server.test expired at Jan  1 00:00:00 2021 GMT", "has to be renewed"]
        ),
        Refused(
            fact: "a certificate that is not yet valid",
            server: "future",
            kind: .certificateNotYetValid,
            says: ["the certificate of server.test is not valid before Jan  1 00:00:00 2099 GMT", "clock"]
        ),
        Refused(
            fact: "a certificate for another host",
            server: "elsewhere",
            kind: .wrongName,
            says: ["certificate is not for server.test: it is for elsewhere.test, 127.0.0.2"]
        ),
        Refused(
            fact: "a certificate for another IP address",
            server: "elsewhere",
            host: "127.0.0.1",
            kind: .wrongName,
            says: ["certificate is not for 127.0.0.1: it is for elsewhere.test, 127.0.0.2"]
        ),
        Refused(
            fact: "a self-signed certificate",
            server: "selfsigned",
            kind: .selfSigned,
            says: ["is self-signed (\"CN = selfsigned\")", "additional root"]
        ),
        Refused(
            fact: "an unknown CA that the server sends",
            server: "unknownchain",
            kind: .unknownIssuer,
            says: ["ends at \"CN = stranger\", which is not in the trust store"]
        ),
        Refused(
            fact: "an unknown CA that the server does not send",
            server: "unknown",
            kind: .missingIssuer,
            says: ["issued by \"CN = stranger\"", "if it is a private root, give it as an additional root"]
        ),
        Refused(
            fact: "a missing intermediate",
            server: "chained",
            kind: .missingIssuer,
            says: ["issued by \"CN = intermediate\", which the server did not send", "has to send it with its own"]
        ),
        Refused(
            fact: "a common name without subjectAltName",
            server: "nameonly",
            kind: .wrongName,
            says: ["it has no subjectAltName, and its subject \"CN = server.test\" does not count"]
        ),
        Refused(
            fact: "a partial wildcard",
            server: "partial",
            host: "www.wild.test",
            kind: .wrongName,
            says: ["not for www.wild.test: it is for w*.wild.test"]
        ),
        Refused(
            fact: "a wildcard over two labels",
            server: "wildcard",
            host: "a.b.wild.test",
            kind: .wrongName,
            says: ["not for a.b.wild.test: it is for *.wild.test"]
        ),
        Refused(
            fact: "a wildcard for no label",
            server: "wildcard",
            host: "wild.test",
            kind: .wrongName,
            says: ["not for wild.test: it is for *.wild.test"]
        ),
        Refused(
            fact: "a wildcard in two labels",
            server: "twostars",
            host: "a.b.test",
            kind: .wrongName,
            says: ["not for a.b.test: it is for *.*.test"]
        ),
        Refused(
            fact: "a certificate for clients only",
            server: "clientonly",
            kind: .badCertificate,
            says: ["the certificate of server.test is not meant for servers"]
        ),
        Refused(
            fact: "a weak key",
            server: "weakkey",
            kind: .weakKey,
            says: ["the certificate of server.test has a weak key of 1024 bits", "2048"]
        ),
        Refused(
            fact: "a weak signature",
            server: "weakdigest",
            kind: .weakKey,
            says: ["the certificate of server.test is signed with a weak digest such as SHA-1"]
        ),
        Refused(
            fact: "TLS 1.1 only",
            server: "old",
            kind: .protocolVersion,
            says: ["server.test does not offer a TLS version that is accepted here", "1.2"]
        ),
        Refused(
            fact: "TLS 1.2 where 1.3 is the minimum",
            server: "good12",
            change: {
                $0.minimumVersion = .v1_3; _ = $1
            },
            kind: .protocolVersion,
            says: ["does not offer a TLS version that is accepted here"]
        ),
        Refused(
            fact: "a client certificate wanted and not given, over TLS 1.2",
            server: "mutual12",
            kind: .clientCertificateRequired,
            says: ["server.test wants a client certificate and none was given", "identity"]
        ),
        Refused(
            fact: "a client certificate wanted and not given, over TLS 1.3",
            server: "mutual13",
            kind: .clientCertificateRequired,
            says: ["server.test wants a client certificate and none was given", "identity"]
        ),
        Refused(
            fact: "a client certificate that the server does not trust, over TLS 1.2",
            server: "mutual12",
            change: { $0.identity = $1.identity("intruder") },
            kind: .clientCertificateRefused,
            says: ["server.test refused the client certificate", "unknown ca"]
        ),
        Refused(
            fact: "a client certificate that the server does not trust, over TLS 1.3",
            server: "mutual13",
            change: { $0.identity = $1.identity("intruder") },
            kind: .clientCertificateRefused,
            says: ["server.test refused the client certificate", "unknown ca"]
        ),
        Refused(
            fact: "plain HTTP on a TLS port",
            server: "plain",
            kind: .notTLS,
            says: ["the server speaks plain HTTP at this port"]
        ),
        Refused(
            fact: "a server that hangs up",
            server: "hangup",
            kind: .closedDuringHandshake,
            says: ["closed the connection without an answer to the TLS handshake"]
        ),
        Refused(
            fact: "a truncated message over TLS 1.2",
            server: "truncate12",
            kind: .truncated,
            says: ["without TLS close_notify", "cut short"]
        ),
        Refused(
            fact: "a truncated message over TLS 1.3",
            server: "truncate13",
            kind: .truncated,
            says: ["without TLS close_notify", "cut short"]
        ),
    ])
    func isRefused(_ row: Refused) async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        var options = certificates.options(for: row.host)
        try row.change(&options, certificates)
        let client = TLSClient(options)
        let error = await Self.error(of: client, port: try await servers.port(row.server))
        guard case .tls(let error) = error else {
            Issue.record("ended with \(String(describing: error))")
            return
        }
        #expect(error.kind == row.kind)
        for part in row.says { #expect(error.message.contains(part)) }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test(.enabled(if: access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0, "needs Debian's ca-certificates"))
    func theSystemsTrustStoreDoesNotHoldAPrivateRoot() async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        var options = certificates.options(for: "server.test")
        options.trustStore = .system
        options.environment = { _ in nil }
        let client = TLSClient(options)
        guard case .tls(let error) = await Self.error(of: client, port: try await servers.port("good")) else {
            Issue.record("no TLS error")
            return
        }
        #expect(error.kind == .missingIssuer)
        #expect(error.message.contains("issued by \"CN = root\""))
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    /// How a connection fails: while it is made, or, as in TLS 1.3 the server judges the client later, afterwards.
    private static func error(of client: TLSClient, port: Int) async -> TransportError? {
        do {
            let stream = try await client.dial(port: port)
            let handler = RecordingHandler()
            await client.lane.perform {
                stream.setHandler(handler)
                stream.write { $0.append("GET / HTTP/1.1\r\n\r\n".utf8) }
            }
            guard case .failed(let error) = await handler.untilEnd().ends.first else { return nil }
            return error
        } catch {
            return error as? TransportError
        }
    }

    @Test func aTruncatedMessageIsHandedOverBeforeItsError() async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        let client = TLSClient(certificates.options(for: "server.test"))
        let stream = try await client.dial(port: servers.port("truncate13"))
        let handler = RecordingHandler()
        await client.lane.perform { stream.setHandler(handler) }
        stream.writeLater([1])
        let record = await handler.untilEnd()
        #expect(record.bytes == Array("not all of it".utf8))
        #expect(record.ends == [.failed(.tls(.truncated))])
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test func theDeadlineEndsTheHandshake() async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        let client = TLSClient(certificates.options(for: "server.test"))
        let clock = TestClock()
        let time = TimeSource(clock)
        let port = try await servers.port("mute")
        let deadline = time.now.advanced(by: .seconds(10))
        let dialling = Task { _ = try await client.dial(port: port, deadline: deadline, time: time) }
        _ = try await servers.line("mute") { $0 == "heard" }
        await clock.waitForSleepers()
        await clock.advance(by: .seconds(10))
        await #expect(throws: TransportError.deadlinePassed(.handshaking, host: "127.0.0.1", attempts: [])) {
            try await dialling.value
        }
        _ = try await servers.line("mute") { $0 == "gone" }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test func cancellationEndsTheHandshake() async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        let client = TLSClient(certificates.options(for: "server.test"))
        let port = try await servers.port("mutecancelled")
        let dialling = Task { _ = try await client.dial(port: port) }
        _ = try await servers.line("mutecancelled") { $0 == "heard" }
        dialling.cancel()
        await #expect(throws: CancellationError.self) { try await dialling.value }
        _ = try await servers.line("mutecancelled") { $0 == "gone" }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test func aReaderThatSuspendsMakesTheServerWaitAndLosesNothing() async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        let client = TLSClient(certificates.options(for: "server.test"))
        let stream = try await client.dial(port: servers.port("good13"))
        // Each piece suspends the reading, and a turn of its own resumes it.
        let handler = RecordingHandler { _ in
            stream.suspendReading()
            stream.lane.run { stream.resumeReading() }
        }
        await client.lane.perform { stream.setHandler(handler) }
        let sent = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for start in stride(from: 0, to: sent.count, by: 1 << 16) {
            stream.writeLater(Array(sent[start..<start + (1 << 16)]))
        }
        #expect(await handler.until { $0.bytes.count >= 1 << 20 || !$0.ends.isEmpty }.bytes == sent)
        await client.lane.perform { stream.close() }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test func aServerThatDoesNotReadMakesTheWriterWait() async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        let client = TLSClient(certificates.options(for: "server.test"))
        let stream = try await client.dial(port: servers.port("good13"))
        // The server echoes, so it stops reading when nobody reads the echo.
        let handler = RecordingHandler()
        let piece = [UInt8](repeating: 7, count: 1 << 16)
        await client.lane.perform {
            stream.setHandler(handler)
            stream.suspendReading()
        }
        var written = 0
        while await client.lane.perform({ stream.pendingOutput <= OutputMarks.high }) {
            try Task.checkCancellation()
            await client.lane.perform { stream.write { $0.append(piece) } }
            written += piece.count
        }
        #expect(handler.record.writables == 0)
        await client.lane.perform { stream.resumeReading() }
        let all = written
        let record = await handler.until { ($0.bytes.count >= all && $0.writables > 0) || !$0.ends.isEmpty }
        #expect(record.bytes.count == written)
        #expect(record.ends.isEmpty)
        #expect(await client.lane.perform { stream.pendingOutput } == 0)
        await client.lane.perform { stream.close() }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }
}

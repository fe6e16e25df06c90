// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization
import Testing

/// Everything against real servers: Python's ssl, all in one process.
@Suite(.timeLimit(.minutes(1)), .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH"))
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
                Server(name: "h2", protocols: ["h2"]),
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
        var change: @Sendable (inout TLSConfiguration, TestCertificates) throws -> Void = { _, _ in }
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
        Accepted(fact: "TLS 1.3 as the minimum", server: "good", change: { $0.minimumVersion = .v1_3; _ = $1 }),
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
            change: { configuration, certificates in
                let file = certificates.certificate("root")
                configuration.trustStore = .system
                configuration.environment = { $0 == "SSL_CERT_FILE" ? file : nil }
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
            change: { $0.unsafelySkipsVerification = true; _ = $1 }
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
    ])
    func isAccepted(_ row: Accepted) async throws {
        let (servers, certificates) = (try await Self.servers.value, try await TestCertificates.shared())
        var configuration = certificates.configuration(for: row.host)
        try row.change(&configuration, certificates)
        let client = TLSClient(configuration)
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
        let client = TLSClient(certificates.configuration(for: "server.test"))
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
        let client = TLSClient(certificates.configuration(for: "server.test"))
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
}

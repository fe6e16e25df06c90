// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The same against `openssl s_server`, a process for each, where Python's ssl differs or cannot do it.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct OpenSSLServerTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var fact: String
        var certificate = "good"
        var options: [String] = []
        var identity: String?
        var minimum = TLSOptions.Version.v1_2
        /// How it is refused; nil where it is accepted.
        var refusal: TLSError.Kind?
        /// Parts of the error's message, or of what is said about the connection's security.
        var says: [String]

        var testDescription: String { fact }
    }

    @Test(arguments: [
        Row(fact: "TLS 1.3", options: ["-tls1_3"], says: ["TLSv1.3, TLS_AES_256_GCM_SHA384"]),
        Row(fact: "TLS 1.2", options: ["-tls1_2"], says: ["TLSv1.2, ECDHE-ECDSA-AES256-GCM-SHA384"]),
        Row(fact: "ALPN", options: ["-alpn", "h2,http/1.1"], says: ["TLSv1.3", ", http/1.1"]),
        Row(fact: "a client certificate", options: ["-Verify", "1"], identity: "client", says: ["TLSv1.3"]),
        Row(fact: "a key update asked for by neither side", options: ["-no_ticket"], says: ["TLSv1.3"]),
        Row(
            fact: "TLS 1.1 only",
            options: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            refusal: .protocolVersion,
            says: ["server.test does not offer a TLS version that is accepted here"]
        ),
        Row(
            fact: "a weak key",
            certificate: "weakkey",
            options: ["-cipher", "ALL:@SECLEVEL=0"],
            refusal: .weakKey,
            says: ["a weak key of 1024 bits"]
        ),
        Row(
            fact: "no client certificate, over TLS 1.2",
            options: ["-Verify", "1", "-verify_return_error", "-tls1_2"],
            refusal: .clientCertificateRequired,
            says: ["server.test wants a client certificate and none was given"]
        ),
        Row(
            fact: "no client certificate, over TLS 1.3",
            options: ["-Verify", "1", "-verify_return_error", "-tls1_3"],
            refusal: .clientCertificateRequired,
            says: ["server.test wants a client certificate and none was given"]
        ),
        Row(
            fact: "no common cipher",
            options: ["-tls1_2", "-cipher", "AES256-SHA"],
            refusal: .cipher,
            says: ["shares no cipher or signature method"]
        ),
        Row(
            fact: "another protocol than HTTP/1.1",
            options: ["-alpn", "h2"],
            refusal: .applicationProtocol,
            says: ["server.test does not speak http/1.1"]
        ),
        Row(
            fact: "a name the server does not know",
            options: ["-servername", "other.test", "-servername_fatal"],
            refusal: .alert(112),
            says: ["the server does not know the name server.test"]
        ),
    ])
    func handshakes(_ row: Row) async throws {
        let certificates = try await TestCertificates.shared()
        var options = row.options
        if options.contains("-Verify") { options += ["-CAfile", certificates.certificate("root")] }
        if options.contains("-servername") {
            options += ["-cert2", certificates.certificate("good"), "-key2", certificates.key("good")]
        }
        let server = try await OpenSSLServer(certificate: row.certificate, options, certificates)
        var clientOptions = certificates.options(for: "server.test")
        clientOptions.identity = row.identity.map { certificates.identity($0) }
        clientOptions.minimumVersion = row.minimum
        let client = TLSClient(clientOptions)
        do {
            let stream = try await client.dial(port: server.port)
            let handler = RecordingHandler()
            let description = await client.lane.perform {
                stream.setHandler(handler)
                stream.write { $0.append("hello\n".utf8) }
                return stream.securityDescription ?? "none"
            }
            let record = await handler.until { $0.bytes.count >= 6 || !$0.ends.isEmpty }
            if case .failed(let error) = record.ends.first { throw error }
            #expect(row.refusal == nil)
            #expect(String(decoding: record.bytes, as: UTF8.self) == "olleh\n")
            for part in row.says { #expect(description.contains(part)) }
            await client.lane.perform { stream.finishWriting() }
            #expect(await handler.untilEnd().ends == [.finished])
            await client.lane.perform { stream.close() }
        } catch TransportError.tls(let error) {
            #expect(error.kind == row.refusal)
            for part in row.says { #expect(error.message.contains(part)) }
        }
        #expect(await client.descriptorsAfterShutDown() == 0)
        await server.process.stop()
    }
}

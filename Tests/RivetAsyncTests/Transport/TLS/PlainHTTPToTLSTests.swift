// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// `http` to a port for `https`: what such a server does about it differs, and the error has to say what to do.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct PlainHTTPToTLSTests {
    /// s_server ends the connection, Python's ssl resets it.
    @Test(arguments: ["openssl", "python"])
    func theErrorSaysThatTheAddressMayNeedHTTPS(_ kind: String) async throws {
        let certificates = try await TestCertificates.shared()
        let openSSL = kind == "openssl" ? try await OpenSSLServer(certificate: "good", [], certificates) : nil
        let python =
            kind == "python" ? try PythonTLSServers([PythonTLSServers.Server(name: "good")], certificates) : nil
        let port = if let openSSL { openSSL.port } else { try await python?.port("good") ?? 0 }
        let failure = try await Self.failure(SocketDialer(), port: port)
        #expect(failure.mayNeedTLS)
        #expect("\(failure)".contains("a port for https ends plain http in this way"))
    }

    /// Other servers send an alert: here `protocol_version`.
    @Test func anAlertIsToldFromOtherNonsense() async throws {
        let network = MemoryNetwork()
        let lanes = LaneGroup(count: 1)
        let alert: [UInt8] = [21, 3, 3, 0, 2, 2, 70]
        let port = try network.listen(lanes: lanes) { stream in
            stream.setHandler(RecordingHandler { _ in stream.write { $0.append(alert) } })
        }
        let failure = try await Self.failure(MemoryDialer(network: network), port: port)
        #expect(failure.error as? HTTPError == .answeredInTLS)
        #expect("\(failure)".contains("the server speaks TLS at this port: the address must begin with https"))
        await lanes.shutDown()
    }

    /// How a request over what `dialer` gives fails.
    private static func failure(_ dialer: any Dialer, port: Int) async throws -> HTTPCallError {
        let pool = HTTPPool(dialer)
        let failure = await #expect(throws: HTTPCallError.self) {
            _ = try await pool.pool.execute(HTTPRequestHead(target: "/"), to: pool.origin(port))
        }
        #expect(await pool.close() == .zero)
        return try #require(failure)
    }
}

// SPDX-License-Identifier: Apache-2.0
import Dispatch
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// What holds around the handshakes of one client.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct TLSDialerTests {
    private static let servers = Task {
        try PythonTLSServers(
            [.init(name: "good"), .init(name: "watched"), .init(name: "mute", mode: "mute")],
            try await TestCertificates.shared()
        )
    }

    @Test func theCertificateStoreIsLoadedOnceForAllConnections() async throws {
        let port = try await Self.servers.value.port("good")
        let certificates = try await TestCertificates.shared()
        let file = certificates.certificate("root")
        let times = Mutex(0)
        var options = certificates.options(for: "server.test")
        options.trustStore = .system
        options.environment = { name in
            guard name == "SSL_CERT_FILE" else { return nil }
            times.withLock { $0 += 1 }
            return file
        }
        let client = TLSClient(options)
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<20 {
                group.addTask {
                    let stream = try await client.dial(port: port)
                    await client.lane.perform { stream.close() }
                }
            }
        }
        #expect(times.withLock { $0 } == 1)
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test func theHandshakeNeedsNothingOfTheConsumersExecutor() async throws {
        let servers = try await Self.servers.value
        let certificates = try await TestCertificates.shared()
        let context = try TLSContext(certificates.options(for: "server.test"))
        let client = TLSClient(certificates.options(for: "server.test"))
        let port = try await servers.port("watched")
        let socket = try await TCPSocket.connect(to: .loopback(port: UInt16(port)), lane: client.lane)
        let consumer = BlockedConsumer()
        let connecting = Task { try await consumer.connect(over: socket, context) }
        // The server sees the handshake completed while the consumer's thread is held.
        _ = try await servers.line("watched") { $0.hasPrefix("open ") }
        consumer.gate.signal()
        let stream = try await connecting.value
        await client.lane.perform { stream.close() }
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    @Test("B144: connectTimeout bounds name, TCP and TLS together") func connectTimeout() async throws {
        let servers = try await Self.servers.value
        let port = try await servers.port("mute")
        let silent = try SilentAddress()
        defer { silent.close() }
        let clock = TestClock()
        let time = TimeSource(clock)
        let resolver = FakeResolver { [silent] _ in
            try await time.sleep(until: TimePoint(.seconds(4)))
            return [silent.address, .loopback(port: UInt16(port))]
        }
        var configuration = try RivetConfiguration(endpoint: "https://slow.test")
        configuration.connectTimeout = .seconds(10)
        configuration.tls.trustStore = .pemFile(try await TestCertificates.shared().certificate("root"))
        let transport = RivetTransport(dialer: SocketDialer(resolver: resolver))
        let dialing = Dialing(configuration, transport, time: time, deadlines: DeadlineScheduler(time: time))
        let gauge = ResourceGauge()
        let lane = Lane(gauge: gauge)
        let origin = HTTPOrigin(host: "slow.test", port: port, isSecure: true)
        let dialled = Task { _ = try await dialing.dial(origin, lane: lane, deadline: nil) }
        // The name takes four seconds, an address that drops packets a quarter of one, the handshake the rest.
        await clock.waitForSleepers(2)
        await clock.advance(by: .seconds(4))
        await clock.waitForSleepers(2)
        await clock.advance(by: .milliseconds(250))
        _ = try await servers.line("mute") { $0 == "heard" }
        await clock.waitForSleepers()
        await clock.advance(by: .milliseconds(5_749))
        #expect(clock.sleeperCount == 1)
        await clock.advance(by: .milliseconds(1))
        await #expect(throws: TransportError.deadlinePassed(.handshaking, host: "slow.test", attempts: [])) {
            try await dialled.value
        }
        #expect(clock.sleeperCount == 0)
        await lane.shutDown()
        #expect(gauge.counts == .zero)
    }
}

/// Holds the thread of its own executor as soon as it waits for the connection.
private actor BlockedConsumer {
    nonisolated let gate = DispatchSemaphore(value: 0)
    private let lane = Lane(label: "consumer")

    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    func connect(over socket: TCPSocket, _ context: TLSContext) async throws -> TLSStream {
        lane.run { [gate] in gate.wait() }
        return try await TLSStream.connect(over: socket, context: context, host: "127.0.0.1", port: 1)
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// The counter over https and wss: the local engine behind a TLS terminator.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct SecureCounterTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let newest: String
        let host: String
        let encoding: RivetConfiguration.Encoding
        var testDescription: String { "\(newest) \(host) \(encoding)" }
    }

    static func run(
        _ row: Row,
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient, LocalEngine) async throws -> Void
    ) async throws {
        let engine = try await LocalEngine.withCounter()
        let terminator = try await TLSTerminator(forwardingTo: engine.port, newest: row.newest)
        var configuration = try RivetConfiguration(endpoint: "https://\(row.host):\(terminator.port)")
        configuration.tls = terminator.options
        configuration.encoding = row.encoding
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(5))
        change(&configuration)
        let client = RivetClient(configuration)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(client, engine))
        } catch {
            outcome = .failure(error)
        }
        await client.close(within: .zero)
        await terminator.stop()
        await engine.stop()
        try outcome.get()
        #expect(client.context.gauge.counts == .zero)
    }

    @Test(
        "the program of the README over TLS, with a reconnect",
        arguments: [
            Row(newest: "TLSv1_3", host: "127.0.0.1", encoding: .bare),
            Row(newest: "TLSv1_3", host: "localhost", encoding: .json),
            Row(newest: "TLSv1_2", host: "127.0.0.1", encoding: .cbor),
        ]
    )
    func counter(_ row: Row) async throws {
        try await Self.run(row) { client, engine in
            let counter = client.getOrCreate(Counter.self, ["my-counter"])
            let first = try await counter.send(Increment(amount: 1))
            #expect(first == 1)
            let conn = counter.connect()
            var deliveries = conn.events(of: NewCount.self).deliveries.makeAsyncIterator()
            let second = try await conn.send(Increment(amount: 2))
            #expect(second == 3)
            guard case .event(let event)? = try await deliveries.next() else {
                Issue.record("no event")
                return
            }
            #expect(event.count == 3)
            await engine.faults.cutAllConnections()
            guard case .gap(.reconnected)? = try await deliveries.next() else {
                Issue.record("no gap")
                return
            }
            let third = try await conn.send(Increment(amount: 3))
            #expect(third == 6)
            await conn.disconnect()
        }
    }

    @Test("a certificate that is not trusted is a clear error, and nothing is sent")
    func untrusted() async throws {
        let row = Row(newest: "TLSv1_3", host: "127.0.0.1", encoding: .bare)
        try await Self.run(row, { $0.tls = TLSOptions() }) { client, _ in
            let error = await #expect(throws: RivetError.self) {
                _ = try await client.getOrCreate(Counter.self).send(Increment(amount: 1), .init(timeout: .seconds(30)))
            }
            #expect(error?.execution == .notSent)
            let cause = (error?.underlying as? RivetError) ?? error
            #expect(cause?.code == .tlsFailed)
        }
    }

    @Test("without libssl.so.3 http works and https names the library and its packages")
    func missingLibrary() async throws {
        let row = Row(newest: "TLSv1_3", host: "127.0.0.1", encoding: .bare)
        let names = OpenSSLLibrary.Names(ssl: "libssl-absent.so.3", crypto: OpenSSLLibrary.Names.system.crypto)
        try await Self.run(
            row,
            { configuration in
                configuration.tls.libraryNames = names
                configuration.looksUpMetadata = false
            }
        ) { client, engine in
            let error = await #expect(throws: RivetError.self) {
                _ = try await client.getOrCreate(Counter.self).send(Increment(amount: 1), .init(timeout: .seconds(30)))
            }
            #expect(error?.code == .tlsFailed)
            for part in ["libssl-absent.so.3", "libssl3", "openssl-libs"] {
                #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
            }
            var plain = try RivetConfiguration(endpoint: engine.endpoint)
            plain.tls.libraryNames = names
            try await withRivetClient(plain) { client in
                let count = try await client.getOrCreate(Counter.self).send(Increment(amount: 1))
                #expect(count == 1)
            }
        }
    }
}

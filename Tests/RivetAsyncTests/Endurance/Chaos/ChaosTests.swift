// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Hundreds of connections through a network that splits, delays, stalls, resets and half-closes, in real time.
///
/// `RIVET_TEST_CHAOS_SECONDS` makes it longer, `RIVET_TEST_SEED` repeats what the network did; with
/// `RIVET_TEST_ENDPOINT` Rivet's own engine is behind it, and no other.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ChaosTests {
    enum Engine: Sendable, CustomTestStringConvertible {
        case local
        case overTLS
        /// The endpoint of Rivet's own.
        case real(String)

        static var all: [Self] {
            if let real = ProcessInfo.processInfo.environment["RIVET_TEST_ENDPOINT"], !real.isEmpty {
                return [.real(real)]
            }
            return TestCertificates.areAvailable ? [.local, .overTLS] : [.local]
        }

        var testDescription: String {
            switch self {
            case .local: "the local engine"
            case .overTLS: "the local engine, over TLS"
            case .real: "Rivet's engine"
            }
        }
    }

    static var seconds: Double {
        let given = ProcessInfo.processInfo.environment["RIVET_TEST_CHAOS_SECONDS"].flatMap { Double($0) }
        return given ?? Double(TestScale.count(full: 20, byDefault: 2))
    }

    @Test(
        "B65, B92, B104, B131: whatever the network does, no call counts twice, is lost or has no end; no event is lost untold",
        arguments: Engine.all
    )
    func chaos(_ engine: Engine) async throws {
        try await Self.run(engine, connections: TestScale.count(full: 200, byDefault: 40), Self.seconds)
    }

    static func run(_ engine: Engine, connections: Int, _ seconds: Double) async throws {
        let seed = SeededGenerator.printedSeed
        print("chaos: seed \(seed)")
        switch engine {
        case .real(let endpoint):
            try await Self.run(endpoint, connections, seconds, seed) { _ in }
        case .local, .overTLS:
            let local = try await LocalEngine.start { $0.actor(ChaosCounter.self, state: 0, ChaosCounter.define) }
            try await RivetAsync.scoped {
                await local.stop()
            } _: {
                guard case .overTLS = engine else {
                    return try await Self.run(local.endpoint, connections, seconds, seed) { _ in }
                }
                let configuration = try await StreamPair.Kind.tls.configuration(for: local)
                let endpoint = configuration.endpoint.text
                try await Self.run(endpoint, connections, seconds, seed) { $0.tls = configuration.tls }
            }
            #expect(local.gauge.counts == .zero)
        }
    }

    private static func run(
        _ endpoint: String,
        _ connections: Int,
        _ seconds: Double,
        _ seed: UInt64,
        _ change: (inout RivetConfiguration) -> Void
    ) async throws {
        let port = try #require(UInt16(endpoint.split(separator: ":").last ?? ""))
        let proxy = try await ChaosProxy.start(to: .loopback(port: port), seed: seed)
        func client(_ port: Int) throws -> RivetClient {
            let head = endpoint.split(separator: ":").dropLast().joined(separator: ":")
            var configuration = try RivetConfiguration(endpoint: "\(head):\(port)")
            // The engine would tell its own address, without the proxy.
            configuration.looksUpMetadata = false
            configuration.reconnect = ReconnectPolicy(first: .milliseconds(50), cap: .milliseconds(500))
            configuration.keepAlive = KeepAlive(interval: .seconds(1), timeout: .seconds(1))
            configuration.openTimeout = .seconds(5)
            change(&configuration)
            return RivetClient(configuration)
        }
        let (through, direct) = (try client(proxy.port), try client(Int(port)))
        try await RivetAsync.scoped {
            await through.close(within: .zero)
            await direct.close(within: .zero)
            await proxy.stop()
        } _: {
            let run = ChaosRun(through, direct: direct, proxy, connections: connections, .seconds(seconds))
            try await run.run()
        }
        for gauge in [through.context.gauge, direct.context.gauge, proxy.gauge] { #expect(gauge.counts == .zero) }
    }
}

#if os(Linux)
/// In a process of its own, where nothing else allocates; not for sanitizers.
@Suite(.timeLimit(.minutes(10)))
struct ChaosMemoryTests {
    @Test("B65, B92: what connections took in memory comes back, whatever the network did")
    func memory() async {
        await #expect(processExitsWith: .success) {
            func runs(_ count: Int) async throws -> Int {
                for _ in 0..<count { try await ChaosTests.run(.local, connections: 40, 1) }
                return try await ProcessMemory.allocated()
            }
            try ProcessMemory.keepNothingOfErrors()
            // What is made once is there behind the first ones.
            let before = try await runs(2)
            let count = TestScale.count(full: 20, byDefault: 4)
            let growth = try await runs(count) - before
            #expect(growth < 512 << 10, "\(growth) bytes more behind \(count) runs, \(before) before")
        }
    }
}
#endif

// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Hundreds of connections through a network that splits, delays, stalls, resets and half-closes, in real time.
///
/// `RIVET_TEST_CHAOS_SECONDS` makes it longer, `RIVET_TEST_SEED` repeats what the network did; with
/// `RIVET_TEST_ENDPOINT` and `RIVET_TEST_RUN_LOG` Rivet's own engine is behind it, and no other.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ChaosTests {
    enum Engine: Sendable, CustomTestStringConvertible {
        case local
        case overTLS
        /// Rivet's own.
        case real(endpoint: String, log: String)

        static var all: [Self] {
            let variables = ProcessInfo.processInfo.environment
            if let endpoint = variables["RIVET_TEST_ENDPOINT"], let log = variables["RIVET_TEST_RUN_LOG"] {
                return [.real(endpoint: endpoint, log: log)]
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
        let run = (connections, Duration.seconds(seconds))
        switch engine {
        case .real(let endpoint, let path):
            try await Self.run(run, endpoint, isFaithful: false) {
                let log = try String(contentsOfFile: path, encoding: .utf8)
                return log.split(whereSeparator: \.isNewline).compactMap { line in
                    let words = line.split(separator: " ")
                    return words.count > 3 && words[2] == "work" ? String(words[3]) : nil
                }
            }
        case .local, .overTLS:
            let log = Recorder<String>()
            let local = try await LocalEngine.start { registry in
                registry.actor(ChaosCounter.self, state: 0, ChaosCounter.define)
                registry.actor(ChaosWorker.self, state: 0) { kind in ChaosWorker.define(&kind, log) }
            }
            try await RivetAsync.scoped {
                await local.stop()
            } _: {
                guard case .overTLS = engine else { return try await Self.run(run, local.endpoint) { log.all } }
                let configuration = try await StreamPair.Kind.tls.configuration(for: local)
                try await Self.run(run, configuration.endpoint.text, configuration.tls) { log.all }
            }
            #expect(local.gauge.counts == .zero)
        }
    }

    private static func run(
        _ run: (connections: Int, duration: Duration),
        _ endpoint: String,
        _ tls: TLSOptions? = nil,
        isFaithful: Bool = true,
        _ log: @escaping @Sendable () throws -> [String]
    ) async throws {
        let seed = SeededGenerator.printedSeed
        print("chaos: seed \(seed)")
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
            if !isFaithful {
                // Two hundred openings at once take Rivet's engine many seconds on two slow cores. One that is given up is
                // work for nothing, behind which the next one waits: without patience none is ever done.
                configuration.reconnect.cap = .seconds(4)
                configuration.keepAlive = KeepAlive(interval: .seconds(2), timeout: .seconds(10))
                configuration.openTimeout = .seconds(60)
            }
            if let tls { configuration.tls = tls }
            return RivetClient(configuration)
        }
        let (through, direct) = (try client(proxy.port), try client(Int(port)))
        try await RivetAsync.scoped {
            await through.close(within: .zero)
            await direct.close(within: .zero)
            await proxy.stop()
        } _: {
            let run = ChaosRun(
                .init(
                    client: through,
                    direct: direct,
                    proxy: proxy,
                    connections: run.connections,
                    duration: run.duration,
                    log: log,
                    isFaithful: isFaithful,
                    isReadable: tls == nil,
                    // Of calls that come faster Rivet's engine answers few within their three seconds on two slow cores.
                    pause: isFaithful ? .milliseconds(100) : .seconds(2)
                )
            )
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
            let count = TestScale.count(full: 12, byDefault: 8)
            let growth = try await runs(count) - before
            // Threads come and go with some 300 KiB, and timers that nobody waits for any more with some 10 KiB a run.
            #expect(growth < 1 << 20, "\(growth) bytes more behind \(count) runs, \(before) before")
        }
    }
}
#endif

// SPDX-License-Identifier: Apache-2.0
import CAllocationCounter
import RivetAsync

/// Plain TCP and TLS without anything above, beside blocking calls against the same peer in another process.
enum StreamBenchmarks {
    enum Kind: String, CaseIterable, Sendable {
        case plain
        case tls = "TLS"

        var baselineName: String { self == .plain ? "raw loop" : "OpenSSL loop" }
        var goal: Benchmark.Goal { .speedAtLeast(self == .plain ? 0.9 : 0.8) }
    }

    static var all: [Benchmark] {
        Kind.allCases.flatMap { kind in
            [
                bulk(kind, "receiving", expected: UInt64(count), run: { try await $0.receive(count) }) {
                    try $0.send(StreamPeer.request(.send, count))
                    try $0.receive(count)
                },
                bulk(kind, "sending", expected: 1, run: { try await $0.send(count) }) {
                    try $0.send(StreamPeer.request(.take, count))
                    try $0.sendFiller(count)
                    try $0.receive(1)
                },
                idle(kind, 1_000),
            ]
        }
    }

    private static let count = 64 << 20

    private static func bulk(
        _ kind: Kind,
        _ direction: String,
        expected: UInt64,
        run: @escaping @Sendable (StreamClient) async throws -> UInt64,
        baseline: @escaping @Sendable (RawStream) throws -> Void
    ) -> Benchmark {
        LoopbackBenchmarks.alternating(
            "\(kind.rawValue), \(direction), 64 MiB",
            of: "MiB",
            group: .bulk,
            isLong: true,
            goal: kind.goal,
            baselineName: kind.baselineName,
            onOneCore: true
        ) { _ in
            let peer = try StreamPeerProcess(kind)
            let lane = Lane(label: "benchmark")
            let client = try await StreamClient.connect(to: peer, lane: lane)
            let raw = try RawStream(peer.connect())
            return Alternation(
                operations: count >> 20,
                bytes: count,
                run: { try await run(client) },
                baseline: { try baseline(raw) },
                expected: expected,
                executor: nil,
                end: {
                    await client.close()
                    await lane.shutDown()
                    peer.stop()
                },
                peer: peer.id
            )
        }
    }

    /// Connections that have said something once and are silent now: what each holds in this process, and that their
    /// descriptors are all given back.
    private static func idle(_ kind: Kind, _ wanted: Int) -> Benchmark {
        let name = "\(kind.rawValue), idle"
        return Benchmark(name: name, group: .connections, operation: "connection", isLong: true) { _ in
            let limit = try DescriptorLimit.raise(toHold: wanted)
            let peer = try StreamPeerProcess(kind)
            defer { peer.stop() }
            // The context, the certificates and Dispatch's own descriptors are there before the counting begins.
            _ = try await hold(LaneGroup().lanes.count, to: peer)
            let before = DescriptorLimit.used
            let held = try await hold(wanted, to: peer)
            let after = DescriptorLimit.used
            guard after == before else {
                throw BenchmarkError("\(after) descriptors are open and not the \(before) of the beginning")
            }
            var measurement = Measurement(
                samples: [Double(held.time) / Double(wanted)],
                checksum: UInt64(held.descriptors - before)
            )
            measurement.note =
                "\(held.memory / UInt64(wanted)) bytes of heap each; "
                + "descriptors: \(before), then \(held.descriptors), then \(after); \(limit)"
            return measurement
        }
    }

    private static func hold(
        _ wanted: Int,
        to peer: StreamPeerProcess
    ) async throws -> (time: UInt64, memory: UInt64, descriptors: Int) {
        let lanes = LaneGroup()
        // Not what the kernel counts as resident: connections would use again what earlier cases have given back.
        let before = allocations_bytes_in_use()
        let start = Clocks.now
        var clients: [StreamClient] = []
        clients.reserveCapacity(wanted)
        for _ in 0..<wanted {
            let client = try await StreamClient.connect(to: peer, lane: lanes.next())
            _ = try await client.receive(1)
            clients.append(client)
        }
        let time = Clocks.now - start
        let held = (time, allocations_bytes_in_use() - before, DescriptorLimit.used)
        for client in clients { await client.close() }
        await lanes.shutDown()
        return held
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync

/// TLS beside OpenSSL's own blocking calls, both against the same peer in another process.
enum TLSBenchmarks {
    static var all: [Benchmark] {
        [
            bulk("TLS, receiving", run: { try await $0.receive($1) }, expected: UInt64(count)) {
                try TLSPeer.request(.send, count).withUnsafeBytes($0.send)
                try $0.receive(count)
            },
            bulk("TLS, sending", run: { try await $0.send($1) }, expected: 1) {
                try TLSPeer.request(.take, count).withUnsafeBytes($0.send)
                try $0.sendFiller(count)
                try $0.receive(1)
            },
            idle(1_000),
        ]
    }

    private static let count = 64 << 20

    private static func bulk(
        _ name: String,
        run: @escaping @Sendable (TLSClient, Int) async throws -> UInt64,
        expected: UInt64,
        baseline: @escaping @Sendable (RawTLSConnection) throws -> Void
    ) -> Benchmark {
        Benchmark(
            name: "\(name), 64 MiB",
            group: .bulk,
            operation: "MiB",
            isLong: true,
            goal: .speedAtLeast(0.8)
        ) { context in
            try await withPeer { port, dialer in
                let lane = Lane(label: "benchmark")
                let client = try await TLSClient.connect(dialer, port: port, lane: lane)
                let raw = try RawTLSConnection(
                    RawTLS().context(),
                    RawSocket(connectingTo: port),
                    isServer: false
                )
                let operations = count >> 20
                var measurement = Measurement(samples: [], checksum: expected)
                measurement.baselineName = "OpenSSL loop"
                measurement.bytes = Double(1 << 20)
                for round in 0...context.sampleCount {
                    let (start, startProcessor) = (Clocks.now, Clocks.processor)
                    let sum = try await run(client, count)
                    let (time, processor) = (Clocks.now - start, Clocks.processor - startProcessor)
                    guard sum == expected else { throw BenchmarkFailure("the sum is \(sum) instead of \(expected)") }
                    let rawStart = Clocks.now
                    try baseline(raw)
                    let rawTime = Clocks.now - rawStart
                    guard round > 0 else { continue }
                    measurement.samples.append(Double(time) / Double(operations))
                    measurement.cpu.append(Double(processor) / Double(operations))
                    measurement.baseline.append(Double(rawTime) / Double(operations))
                }
                await client.close()
                await lane.shutDown()
                return measurement
            }
        }
    }

    /// Connections that have said something once and are silent now, and what each holds in this process.
    private static func idle(_ wanted: Int) -> Benchmark {
        Benchmark(name: "TLS, idle", group: .connections, operation: "connection", isLong: true) { context in
            try await withPeer { port, dialer in
                let gauge = ResourceGauge()
                let lanes = LaneGroup(gauge: gauge)
                // The context, the certificates and the lanes themselves are there before the counting begins.
                for lane in lanes.lanes {
                    let client = try await TLSClient.connect(dialer, port: port, lane: lane)
                    _ = try await client.receive(1)
                    await client.close()
                }
                let before = residentBytes
                let start = Clocks.now
                var clients: [TLSClient] = []
                clients.reserveCapacity(wanted)
                for _ in 0..<wanted {
                    let client = try await TLSClient.connect(dialer, port: port, lane: lanes.next())
                    _ = try await client.receive(1)
                    clients.append(client)
                }
                let time = Clocks.now - start
                let held = residentBytes - before
                for client in clients { await client.close() }
                let count = clients.count
                clients = []
                await lanes.shutDown()
                let left = gauge.snapshot[0]
                guard left == 0 else { throw BenchmarkFailure("\(left) descriptors are left") }
                var measurement = Measurement(samples: [Double(time) / Double(count)], checksum: UInt64(count))
                measurement.note = "\(held / count) bytes of memory each"
                return measurement
            }
        }
    }

    /// What of this process is in memory, by the kernel's count of pages.
    private static var residentBytes: Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (pages.flatMap { Int($0[1]) } ?? 0) * 4_096
    }

    private static func withPeer<R>(
        _ body: (UInt16, TLSDialer) async throws -> R
    ) async throws -> R {
        let directory = NSTemporaryDirectory() + "rivet-benchmark-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try TLSPeer.makeCertificate(in: directory)
        let peer = ReferenceServerProcess(["--serve-tls", directory])
        defer { peer.stop() }
        var configuration = TLSConfiguration()
        configuration.trustStore = .pemFile(directory + "/certificate.pem")
        return try await body(peer.port(), TLSDialer(over: SocketDialer(), configuration: configuration))
    }
}

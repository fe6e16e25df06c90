// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// WebSockets against the reference server, beside blocking calls that move the same bytes in the same run.
enum LoopbackBenchmarks {
    static var all: [Benchmark] {
        [
            flood(size: 1 << 20, count: 64, goal: .speedAtLeast(0.9), isSmall: false),
            // The others are on one core, and last, since the scheduler leaves their threads there for a while.
            flood(size: 32, count: 200_000, goal: .timeAtMost(6), isSmall: true),
            ClientBenchmarks.flood(size: 32, count: 200_000),
            ClientBenchmarks.sends(size: 64, count: 100_000),
            roundTrip("on the lane", prefersLane: true, goal: .timeAtMost(1.4)),
            roundTrip("on the pool", prefersLane: false, goal: .timeAtMost(2.2)),
            ClientBenchmarks.action("on the lane", prefersLane: true, count: 500),
            ClientBenchmarks.action("from the pool", prefersLane: false, count: 500),
        ] + HTTPBenchmarks.all
    }

    /// One 64-byte message there and back, again and again.
    private static func roundTrip(_ place: String, prefersLane: Bool, goal: Benchmark.Goal) -> Benchmark {
        let count = 1_000
        let payload = [UInt8]((0..<64).map { UInt8($0) })
        return alternating(
            "round trip, 64 bytes, consumer \(place)",
            of: "round trip",
            goal: goal,
            onOneCore: true
        ) { port in
            let socket = try await BenchmarkWebSocket(port: port, target: "/echo")
            let raw = try RawWebSocket(port: port, target: "/echo")
            let frame = ReferenceFrames.masked(payload)
            return Alternation(
                operations: count,
                bytes: 0,
                run: {
                    var sum: UInt64 = 0
                    var messages = socket.channel.messages.makeAsyncIterator()
                    for _ in 0..<count {
                        try await socket.channel.send(.binary(ByteChunk(payload)))
                        guard case .binary(let answer) = try await messages.next() else { return 0 }
                        sum &+= UInt64(answer[63]) &+ UInt64(answer.count)
                    }
                    return sum
                },
                baseline: { try raw.exchange(frame, receiving: 66, times: count) },
                expected: UInt64(count * (63 + 64)),
                executor: prefersLane ? socket.lane.taskExecutor : nil,
                end: { await socket.close() }
            )
        }
    }

    /// Messages as fast as the server sends them, into `for await`.
    ///
    /// For small ones the cost of each is what counts, and for large ones how much passes.
    private static func flood(size: Int, count: Int, goal: Benchmark.Goal, isSmall: Bool) -> Benchmark {
        let name = size < 1 << 20 ? "\(size) bytes" : "\(size >> 20) MiB"
        return alternating(
            "flood, \(name), into `for await`",
            of: "message",
            goal: goal,
            comparesProcessorTime: isSmall,
            onOneCore: isSmall
        ) { port in
            let target = "/flood?size=\(size)&count=\(count)"
            let socket = try await BenchmarkWebSocket(port: port, target: target)
            let raw = try RawWebSocket(port: port, target: target)
            let frame = ReferenceFrames.masked([1])
            return Alternation(
                operations: count,
                bytes: size * count,
                run: {
                    try await socket.channel.send(.binary(ByteChunk([1])))
                    var sum: UInt64 = 0
                    var left = count
                    for try await message in socket.channel.messages {
                        guard case .binary(let bytes) = message else { return 0 }
                        sum &+= UInt64(bytes.count) &+ UInt64(bytes[size - 1])
                        left -= 1
                        if left == 0 { break }
                    }
                    return sum
                },
                baseline: {
                    let frameSize = ReferenceFrames.head(size: size).count + size
                    try raw.exchange(frame, receiving: frameSize * count, times: 1)
                },
                expected: UInt64(count) * (UInt64(size) + UInt64(UInt8(truncatingIfNeeded: size - 1))),
                executor: nil,
                end: { await socket.close() }
            )
        }
    }
}

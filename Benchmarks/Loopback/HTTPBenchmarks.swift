// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Calls over HTTP and opening a WebSocket, beside blocking calls that do the same in the same run.
enum HTTPBenchmarks {
    static var all: [Benchmark] {
        [
            call("from the pool", prefersLane: false, goal: .timeAtMost(2.2)),
            call("on the lane", prefersLane: true, goal: .timeAtMost(1.6)),
            callsTogether(32),
            upgrade(),
        ]
    }

    private static func call(_ place: String, prefersLane: Bool, goal: Benchmark.Goal) -> Benchmark {
        let count = 500
        return LoopbackBenchmarks.alternating(
            "HTTP action, one at a time, \(place)",
            of: "call",
            goal: goal,
            baselineName: "raw loop",
            onOneCore: true
        ) { port in
            let client = try ClientBenchmarks.client(port: port)
            let actor = client.getForID(BenchmarkActor.self, ReferenceActor.id)
            let raw = try RawHTTP(port: port)
            // A connection's lane; one for HTTP that is opened from there is on it too.
            let executor = prefersLane ? actor.connect().executor : nil
            return Alternation(
                operations: count,
                bytes: 0,
                run: {
                    var sum: UInt64 = 0
                    for _ in 0..<count { sum &+= UInt64(try await actor.send(Increment(amount: 3))) }
                    return sum
                },
                baseline: { for _ in 0..<count { try raw.call() } },
                expected: UInt64(3 * count),
                executor: executor,
                end: { await client.close() }
            )
        }
    }

    /// The baseline sends one after another, and then receives them.
    private static func callsTogether(_ width: Int) -> Benchmark {
        let count = 50
        return LoopbackBenchmarks.alternating(
            "HTTP action, \(width) in flight",
            of: "call",
            goal: .speedAtLeast(0.5),
            baselineName: "raw loop"
        ) { port in
            let client = try ClientBenchmarks.client(port: port)
            let actor = client.getForID(BenchmarkActor.self, ReferenceActor.id)
            let raw = try (0..<width).map { _ in try RawHTTP(port: port) }
            return Alternation(
                operations: count * width,
                bytes: 0,
                run: {
                    try await withThrowingTaskGroup(of: UInt64.self) { group in
                        for _ in 0..<width {
                            group.addTask {
                                var sum: UInt64 = 0
                                for _ in 0..<count { sum &+= UInt64(try await actor.send(Increment(amount: 3))) }
                                return sum
                            }
                        }
                        return try await group.reduce(0, &+)
                    }
                },
                baseline: {
                    for _ in 0..<count {
                        for call in raw { try call.send() }
                        for call in raw { try call.receive() }
                    }
                },
                expected: UInt64(3 * count * width),
                executor: nil,
                end: { await client.close() }
            )
        }
    }

    private static func upgrade() -> Benchmark {
        let count = 100
        return LoopbackBenchmarks.alternating(
            "connect and upgrade",
            of: "connection",
            goal: .timeAtMost(2),
            baselineName: "raw calls",
            onOneCore: true
        ) { port in
            let lanes = LaneGroup(count: 1)
            return Alternation(
                operations: count,
                bytes: 0,
                run: {
                    for _ in 0..<count {
                        let socket = try await BenchmarkWebSocket(port: port, target: "/echo", lanes: lanes)
                        socket.channel.abort()
                    }
                    return UInt64(count)
                },
                baseline: { for _ in 0..<count { _ = try RawWebSocket(port: port, target: "/echo") } },
                expected: UInt64(count),
                executor: nil,
                end: { await lanes.shutDown() }
            )
        }
    }
}

/// The same call by bare blocking calls.
private final class RawHTTP {
    private let socket: RawSocket
    private let request: [UInt8]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 64)

    init(port: UInt16) throws {
        socket = try RawSocket(connectingTo: port)
        let arguments = try ValueFormat.nativeCBOR.encodeArgument(Increment(amount: 3))
        let body = ByteChunk { MessageCodec(.bare).writeActionBody(arguments: arguments, to: &$0) }
        let head = """
            POST /gateway/\(ReferenceActor.id.rawValue)/action/increment HTTP/1.1\r
            Host: 127.0.0.1:\(port)\r
            x-rivet-encoding: bare\r
            Content-Type: application/octet-stream\r
            User-Agent: RivetAsync\r
            content-length: \(body.count)\r
            \r\n
            """
        request = Array(head.utf8) + body
    }

    deinit { buffer.deallocate() }

    func call() throws {
        try send()
        try receive()
    }

    func send() throws { try socket.send(request) }

    /// The answer comes in one piece.
    func receive() throws { guard try socket.receive(into: buffer) > 0 else { throw BenchmarkError("no answer") } }
}

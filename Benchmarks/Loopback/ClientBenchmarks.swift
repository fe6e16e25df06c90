// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The same through what users see: a client, a connection, its events and actions, a raw WebSocket.
enum ClientBenchmarks {
    static var all: [Benchmark] {
        [eventFlood(count: 100_000)]
    }

    static func client(port: UInt16) throws -> RivetClient {
        var configuration = try RivetConfiguration(endpoint: "http://127.0.0.1:\(port)")
        configuration.looksUpMetadata = false
        configuration.replyNudge = .off  // The reference server answers at once.
        return RivetClient(configuration)
    }

    private static func eventFlood(count: Int) -> Benchmark {
        LoopbackBenchmarks.alternating(
            "event flood, NewCount, into `for await`",
            of: "event",
            group: .events,
            goal: nil,
            comparesProcessorTime: true
        ) { port in
            let client = try client(port: port)
            let connection = client.getForID(BenchmarkActor.self, ReferenceActor.id).connect()
            try await connection.waitUntilConnected()
            let frameSize = try ReferenceActor.eventFrame().count
            let raw = try RawWebSocket(port: port, target: "/flood?size=\(frameSize - 2)&count=\(count)")
            return Alternation(
                operations: count,
                bytes: frameSize * count,
                run: {
                    let events = connection.events(of: NewCount.self, buffering: .bounded(8_192, .suspendReading))
                    async let answer = connection.send(Flood(count: count))
                    var sum: UInt64 = 0
                    var left = count
                    for await event in events {
                        sum &+= UInt64(event.count)
                        left -= 1
                        if left == 0 { break }
                    }
                    _ = try await answer
                    return sum
                },
                baseline: { try raw.exchange(ReferenceFrames.masked([1]), receiving: frameSize * count, times: 1) },
                expected: UInt64(count * ReferenceActor.count),
                executor: nil,
                end: {
                    await connection.disconnect()
                    await client.close()
                }
            )
        }
    }

    /// As the channel's flood, through the public socket.
    static func flood(size: Int, count: Int) -> Benchmark {
        LoopbackBenchmarks.alternating(
            "raw WebSocket flood, \(size) bytes",
            of: "message",
            goal: .timeAtMost(6),
            comparesProcessorTime: true,
            onOneCore: true
        ) { port in
            let client = try client(port: port)
            let target = "flood?size=\(size)&count=\(count)"
            let socket = try await client.getForID(BenchmarkActor.self, ReferenceActor.id).webSocket("/" + target)
            let raw = try RawWebSocket(port: port, target: "/" + target)
            return Alternation(
                operations: count,
                bytes: size * count,
                run: {
                    try await socket.send(.binary(ByteChunk([1])))
                    var sum: UInt64 = 0
                    var left = count
                    for try await message in socket.messages {
                        guard case .binary(let bytes) = message else { return 0 }
                        sum &+= UInt64(bytes.count) &+ UInt64(bytes[size - 1])
                        left -= 1
                        if left == 0 { break }
                    }
                    return sum
                },
                baseline: { try raw.exchange(ReferenceFrames.masked([1]), receiving: (size + 2) * count, times: 1) },
                expected: UInt64(count * (size + size - 1)),
                executor: nil,
                end: {
                    await socket.close()
                    await client.close()
                }
            )
        }
    }

    /// One task that awaits each `send`; the library gathers them.
    static func sends(size: Int, count: Int) -> Benchmark {
        let payload = [UInt8](repeating: 7, count: size)
        let total = (size + 6) * count
        return LoopbackBenchmarks.alternating(
            "raw WebSocket send, \(size) bytes, each awaited",
            of: "message",
            goal: .speedAtLeast(0.3),
            baselineName: "raw 64 KiB pieces",
            onOneCore: true
        ) { port in
            let client = try client(port: port)
            let target = "/sink?bytes=\(total)"
            let socket = try await client.getForID(BenchmarkActor.self, ReferenceActor.id).webSocket(target)
            let raw = try RawWebSocket(port: port, target: target)
            let piece = [UInt8](repeating: 7, count: 64 << 10)
            return Alternation(
                operations: count,
                bytes: size * count,
                run: {
                    let message = WebSocketMessage.binary(ByteChunk(payload))
                    for _ in 0..<count { try await socket.send(message) }
                    var messages = socket.messages.makeAsyncIterator()
                    guard case .binary(let answer) = try await messages.next() else { return 0 }
                    return UInt64(answer.count)
                },
                baseline: {
                    var left = total
                    while left > 0 {
                        try piece.withUnsafeBytes {
                            try raw.socket.send(UnsafeRawBufferPointer(rebasing: $0[..<min(left, $0.count)]))
                        }
                        left -= min(left, piece.count)
                    }
                    try raw.socket.drain(3, through: raw.buffer)
                },
                expected: 1,
                executor: nil,
                end: {
                    await socket.close()
                    await client.close()
                }
            )
        }
    }

    /// One action after another on a connection, each awaited.
    static func action(_ place: String, prefersLane: Bool, count: Int) -> Benchmark {
        LoopbackBenchmarks.alternating(
            "action on a connection, \(place)",
            of: "action",
            goal: prefersLane ? .timeAtMost(1.8) : nil,
            baselineName: "raw echo",
            onOneCore: true
        ) { port in
            let client = try client(port: port)
            let connection = client.getForID(BenchmarkActor.self, ReferenceActor.id).connect()
            try await connection.waitUntilConnected()
            let raw = try RawWebSocket(port: port, target: "/echo")
            let frame = ReferenceFrames.masked([UInt8](repeating: 1, count: 32))
            return Alternation(
                operations: count,
                bytes: 0,
                run: {
                    var sum: UInt64 = 0
                    for _ in 0..<count { sum &+= UInt64(try await connection.send(Increment(amount: 3))) }
                    return sum
                },
                baseline: { try raw.exchange(frame, receiving: 34, times: count) },
                expected: UInt64(3 * count),
                executor: prefersLane ? connection.executor : nil,
                end: {
                    await connection.disconnect()
                    await client.close()
                }
            )
        }
    }
}

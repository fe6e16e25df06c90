// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// Plain WebSockets to an actor's own handler.
    @Suite struct RawWebSocketTests {
        @Test("text and binary come back as they were sent", arguments: EngineRow.once)
        func echo(_ row: EngineRow) async throws {
            try await row.run { check in
                try await check.actor(Raw.self).withWebSocket("chat?room=1") { socket in
                    var messages = socket.messages.makeAsyncIterator()
                    guard case .text(let greeting)? = try await messages.next() else {
                        Issue.record("no greeting")
                        return
                    }
                    #expect(
                        greeting.contains(#"http://127.0.0.1/websocket/chat?room=1"#)
                            || greeting.contains(#"\/chat?room=1"#)
                    )
                    let sent: [ActorWebSocket.Message] = [
                        .text(""), .text("ä€😀"), .binary(ByteChunk([])), .binary(ByteChunk([0, 255, 128])),
                        .text(String(repeating: "x", count: 100_000)),
                        .binary(ByteChunk([UInt8](repeating: 9, count: 1 << 20))),
                    ]
                    for message in sent {
                        try await socket.send(message)
                        #expect(try await messages.next() == message)
                    }
                }
            }
        }

        struct Closing: Sendable, CustomTestStringConvertible {
            let engine: EngineRow
            /// What the actor is told.
            let word: String
            let code: WebSocketCloseCode
            let reason: String
            var testDescription: String { "\(engine.testDescription), \(word)" }
        }

        static let closings = EngineRow.once.flatMap { engine in
            [
                Closing(engine: engine, word: "close 1000 done", code: 1000, reason: "done"),
                Closing(engine: engine, word: "close 3000 three words here", code: 3000, reason: "three words here"),
                Closing(engine: engine, word: "close 4999 ä€", code: 4999, reason: "ä€"),
            ]
        }

        @Test("the actor's close codes and reasons arrive", arguments: closings)
        func theirClose(_ row: Closing) async throws {
            try await row.engine.run { check in
                let socket = try await check.actor(Raw.self).webSocket()
                var messages = socket.messages.makeAsyncIterator()
                _ = try await messages.next()
                try await socket.send(.text(row.word))
                #expect(try await messages.next() == nil)
                #expect(socket.closing?.code == row.code)
                #expect(socket.closing?.reason == row.reason)
                await socket.close()
            }
        }

        @Test("our own close is answered with its code and reason", arguments: EngineRow.once)
        func ourClose(_ row: EngineRow) async throws {
            try await row.run { check in
                let socket = try await check.actor(Raw.self).webSocket()
                var messages = socket.messages.makeAsyncIterator()
                _ = try await messages.next()
                await socket.close(4321, reason: "enough")
                #expect(try await messages.next() == nil)
                #expect(socket.closing?.code == 4321)
                #expect(socket.closing?.reason == "enough")
            }
        }
    }
}

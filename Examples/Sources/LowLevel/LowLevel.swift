// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// HTTP and WebSocket as they are, to an actor's own handlers.
@main
struct LowLevel: Example {
    static let summary = "sends plain HTTP requests to an actor and opens a plain WebSocket to it"
    static let actors: [any ActorDefinition.Type] = [Raw.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let raw = client.getOrCreate(Raw.self, setup.key("low-level"))

            // HTTP: whatever the actor answers is returned, whatever its status.
            let history = try await raw.fetch(ActorRequest("history?limit=10"))
            let seen: SeenRequest = try await history.decodeJSON()
            print(history.status, seen.method, seen.path, seen.query)

            let message = ActorRequest("messages", method: "POST", body: try .json(["text": "hello"]))
            let posted = try await raw.fetch(message).decodeJSON(SeenRequest.self)
            print(posted.method, posted.path, "with \(posted.bodyLength) bytes")

            // WebSocket: this actor first says what it saw, then sends back what it gets.
            try await raw.withWebSocket("room") { socket in
                var messages = socket.messages.makeAsyncIterator()
                if case .text = try await messages.next() { print("the socket is open") }
                try await socket.send(.text("hello"))
                try await socket.send(.binary(ByteChunk([1, 2, 3])))
                try await socket.send(.text("close 4000 enough"))
                while let message = try await messages.next() {
                    switch message {
                    case .text(let text): print("text:", text)
                    case .binary(let bytes): print("binary:", Array(bytes))
                    }
                }
                if let closing = socket.closing { print("closed:", closing.code.rawValue, closing.reason) }
            }
        }
    }
}

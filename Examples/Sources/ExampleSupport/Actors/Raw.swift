// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// An actor with handlers of its own for plain HTTP and plain WebSockets.
package enum Raw: ActorDefinition {}

/// What it answers to a request: what it saw.
package struct SeenRequest: Codable, Sendable {
    package var method: String
    package var path: String
    package var query: String
    package var bodyLength: Int
}

extension LocalEngine.Registry {
    mutating func addRaw() {
        actor(Raw.self, state: NoValue()) { raw in
            raw.onRequest { request, _ in
                let path = request.path.prefix { $0 != "?" }
                return try .json(
                    SeenRequest(
                        method: request.method,
                        path: String(path),
                        query: String(request.path.dropFirst(path.count)),
                        bodyLength: request.body.count
                    )
                )
            }
            // Says what it saw, sends back what comes, and closes when told to: `close CODE REASON`.
            raw.onWebSocket { socket, _ in
                try await socket.send(.text(#"{"url":"\#(socket.path)"}"#))
                for try await message in socket.messages {
                    if case .text(let text) = message, text.hasPrefix("close ") {
                        let words = text.split(separator: " ", maxSplits: 2)
                        let code = words.dropFirst().first.flatMap { UInt16($0) } ?? 1000
                        await socket.close(.init(rawValue: code), reason: words.count > 2 ? String(words[2]) : "")
                    } else {
                        try await socket.send(message)
                    }
                }
            }
        }
    }
}

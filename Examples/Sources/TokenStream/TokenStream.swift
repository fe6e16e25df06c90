// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import Foundation
import RivetAsync

/// An answer that comes word by word, as from a language model: read whole, cancelled, and broken off.
@main
struct TokenStream: Example {
    static let summary = "reads words from an actor as it writes them, cancels a stream, and mends one that broke off"
    static let actors: [any ActorDefinition.Type] = [Writer.self]

    static func engine(_ options: Options) throws -> EngineSettings { EngineSettings(streamsBodies: true) }

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let writer = client.getOrCreate(Writer.self, setup.key("token-stream"))

            // Each word is here when it is ready, long before the last one.
            show("whole:")
            for try await event in try await ask(writer, Prompt(text: "hello")) { show(" \(event.data)") }
            show("\n")

            // Cancelled in the middle: the stream ends at once, and so does the work at its other end.
            try await writer.withConnection { connection in
                try await connection.waitUntilConnected()
                let stops = connection.events(of: Stopped.self)
                let (words, continuation) = AsyncStream.makeStream(of: String.self)
                let reading = Task {
                    for try await event in try await ask(writer, Prompt(text: "a long story", times: 1_000)) {
                        continuation.yield(event.data)
                    }
                }
                show("cancelled:")
                for await word in words.prefix(4) { show(" \(word)") }
                reading.cancel()
                if case .failure(is CancellationError) = await reading.result { show(" …\n") }
                for await _ in stops.prefix(1) { show("the actor has stopped too\n") }
            }

            // Broken off: what came is here, and another request goes on behind it.
            show("broken off:")
            let prompt = Prompt(text: "oops", failsAfter: 5)
            let events = try await ask(writer, prompt)
            do {
                for try await event in events { show(" \(event.data)") }
            } catch let error as RivetError where error.isTransient {
                show(" …\n\(error.code.name) behind word \(events.lastEventID ?? "0")\ngoes on:")
                let rest = try await ask(writer, prompt, after: events.lastEventID)
                for try await event in rest { show(" \(event.data)") }
            }
            show("\n")
        }
    }

    private static func ask(
        _ writer: ActorHandle<Writer>,
        _ prompt: Prompt,
        after lastEventID: String? = nil
    ) async throws -> ServerSentEvents {
        let body = try RequestBody.json(prompt)
        let request = ActorRequest.serverSentEvents("write", method: "POST", body: body, lastEventID: lastEventID)
        return try await writer.fetch(request).serverSentEvents
    }

    /// Prints without ending the line.
    private static func show(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }
}

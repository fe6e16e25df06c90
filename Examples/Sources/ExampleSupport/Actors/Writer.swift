// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// An actor that writes word by word, as a language model does, to whoever asks it over plain HTTP.
package enum Writer: ActorDefinition {
    package static var argumentStyle: ArgumentStyle { .ofThisRun }
}

/// What it is asked for, as JSON.
package struct Prompt: Codable, Sendable {
    package var text: String
    /// How often it says its answer.
    package var times: Int
    /// Breaks off behind so many words.
    package var failsAfter: Int?

    package init(text: String, times: Int = 1, failsAfter: Int? = nil) {
        (self.text, self.times, self.failsAfter) = (text, times, failsAfter)
    }
}

/// Nobody listens any more, and it has stopped writing.
package struct Stopped: ActorEvent {
    package typealias Source = Writer
}

extension LocalEngine.Registry {
    mutating func addWriter() {
        actor(Writer.self, state: NoValue()) { writer in
            writer.onRequest { request, actor in
                let prompt = try await request.decodeJSON(Prompt.self)
                // Where a stream broke off, the next one goes on.
                let written = request.fields["Last-Event-ID"].flatMap { Int($0) } ?? 0
                let words = Words(prompt: prompt, written: written) { await actor.broadcast(Stopped()) }
                return LocalResponse(fields: ["content-type": "text/event-stream"], chunks: words)
            }
        }
    }
}

/// The words of an answer as server-sent events, each when it is ready.
private struct Words: AsyncSequence, Sendable {
    let prompt: Prompt
    let written: Int
    let stopped: @Sendable () async -> Void

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(words: self, next: written) }

    struct AsyncIterator: AsyncIteratorProtocol {
        struct Tired: Error {}

        let words: Words
        var next: Int

        mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> ByteChunk? {
            let answer = "You said “\(words.prompt.text)”, and I say it back, word by word.".split(separator: " ")
            guard next < answer.count * words.prompt.times else { return nil }
            if next == words.prompt.failsAfter, words.written == 0 { throw Tired() }
            do {
                try await Task.sleep(for: .milliseconds(30))  // It thinks.
            } catch {
                await words.stopped()
                throw error
            }
            next += 1
            return ByteChunk("id: \(next)\nevent: word\ndata: \(answer[(next - 1) % answer.count])\n\n".utf8)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// Queues: completed, timed out, full.
    @Suite struct QueueTests {
        @Test("messages are completed in their order, with a reply or without", arguments: EngineRow.all)
        func completed(_ row: EngineRow) async throws {
            try await row.run { check in
                let queues = check.actor(Queues.self)
                try await queues.enqueue(Queues.Jobs(name: "first"))
                try await queues.enqueue(Queues.Quiet(name: "second"))
                guard
                    case .completed(let done?) = try await queues.enqueueAndWait(
                        Queues.Jobs(name: "third"),
                        timeout: .seconds(10)
                    )
                else {
                    Issue.record("not completed with a reply")
                    return
                }
                #expect(done.got.name == "third")
                guard
                    case .completed(nil) = try await queues.enqueueAndWait(
                        Queues.Quiet(name: "4"),
                        timeout: .seconds(10)
                    )
                else {
                    Issue.record("not completed without a reply")
                    return
                }
                #expect(try await queues.send(Queues.Seen()).map(\.name) == ["jobs", "quiet", "jobs", "quiet"])
            }
        }

        @Test("a message that nobody takes is timed out", arguments: EngineRow.all)
        func timedOut(_ row: EngineRow) async throws {
            try await row.run { check in
                let silent = check.actor(Silent.self)
                guard
                    case .timedOut = try await silent.enqueueAndWait(
                        Silent.Jobs(name: "a"),
                        timeout: .milliseconds(200)
                    )
                else {
                    Issue.record("not timed out")
                    return
                }
            }
        }

        @Test("a full queue and a message too large are the queue's errors", arguments: EngineRow.all)
        func full(_ row: EngineRow) async throws {
            try await row.run(limits: Narrow.limits) { check in
                let narrow = check.actor(Narrow.self)
                for name in ["1", "2", "3"] { try await narrow.enqueue(Narrow.Jobs(name: name)) }
                let full = await #expect(throws: RivetError.self) {
                    try await narrow.enqueue(Narrow.Jobs(name: "4"), CallOptions(timeout: .milliseconds(400)))
                }
                #expect(full?.matches("queue", "full") == true, "\(String(describing: full))")
                let large = await #expect(throws: RivetError.self) {
                    try await narrow.enqueue(Narrow.Jobs(name: String(repeating: "x", count: 2_000)))
                }
                #expect(large?.matches("queue", "message_too_large") == true)
            }
        }

        @Test("a queue that the actor does not have takes everything, as with JavaScript", arguments: EngineRow.all)
        func unknown(_ row: EngineRow) async throws {
            try await row.run { check in
                try await check.actor(Queues.self).enqueue("nope", "anything")
            }
        }
    }
}

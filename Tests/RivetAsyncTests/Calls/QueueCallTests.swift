// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Sends to a queue: their order, and what a refusal or a lost answer means.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct QueueCallTests {
    typealias Server = AnsweringServer

    /// `completed`, without a response, in bare: what a send without wait gets.
    static let stored = Server.Answer.http(200, [], [4, 0, 9] + Array("completed".utf8) + [0])

    @Test("B172, B173: a send returns when it is stored, a wait when it is completed", arguments: Server.encodings)
    func sends(_ encoding: RivetConfiguration.Encoding) async throws {
        try await DurationTests.run {
            $0.encoding = encoding
        } _: { setting in
            let probe = setting.probe
            // It is not completed before the gate opens, and nobody waits for that.
            try await probe.enqueue(ProbeActor.Job(name: "wait"))
            let waiting = Task { try await probe.enqueueAndWait(ProbeActor.Job(name: "b"), timeout: .seconds(30)) }
            let silent = Task { try await probe.enqueueAndWait(ProbeActor.Silent(name: "c"), timeout: .seconds(30)) }
            setting.gates["wait"].set()
            guard case .completed("did b"?) = try await waiting.value, case .completed(nil) = try await silent.value
            else {
                Issue.record("\(try await waiting.value), \(try await silent.value)")
                return
            }
            #expect(setting.log.all.filter { $0.hasPrefix("job") } == ["job wait", "job b"])
        }
    }

    @Test("B172, B173: the two differ in what they ask for", arguments: Server.encodings)
    func bodies(_ encoding: RivetConfiguration.Encoding) async throws {
        try await Server.run([], then: .http(404)) {
            $0.encoding = encoding
        } _: { client, server in
            let handle = client.getForID("a", "x")
            try? await handle.enqueue("b", 1)
            _ = try? await handle.enqueueAndWait("b", 1, as: Int.self, timeout: .milliseconds(1_500))
            #expect(server.lines == ["POST /gateway/x/queue/b", "POST /gateway/x/queue/b"])
            let codec = MessageCodec(encoding.wire)
            let asked = try server.requests.map { try codec.readQueueBody(ByteChunk($0.body)) }
            #expect(asked.map(\.waits) == [false, true])
            #expect(asked.map(\.timeout) == [nil, 1_500])
        }
    }

    @Test("B174: no completion in time is a result, and the message stays", arguments: Server.encodings)
    func timeOut(_ encoding: RivetConfiguration.Encoding) async throws {
        try await DurationTests.run {
            $0.encoding = encoding
        } _: { setting in
            let probe = setting.probe
            let outcome = try await probe.enqueueAndWait(
                ProbeActor.Job(name: "wait"),
                timeout: .milliseconds(50),
                CallOptions(timeout: .seconds(150))
            )
            guard case .timedOut = outcome else {
                Issue.record("\(outcome)")
                return
            }
            setting.gates["wait"].set()
            _ = try await probe.enqueueAndWait(ProbeActor.Silent(name: "c"), timeout: .seconds(30))
            #expect(setting.log.all.filter { $0.hasPrefix("job") } == ["job wait"])
        }
    }

    @Test("B174: the actor's own time-out, where it is the shorter one, is an error", arguments: Server.encodings)
    func actorsTimeOut(_ encoding: RivetConfiguration.Encoding) async throws {
        var limits = LocalEngine.Limits()
        limits.actionTimeout = .milliseconds(200)
        try await DurationTests.run(limits: limits) {
            $0.encoding = encoding
        } _: { setting in
            let error = await #expect(throws: RivetError.self) {
                _ = try await setting.probe.enqueueAndWait(ProbeActor.Job(name: "wait"), timeout: .seconds(30))
            }
            #expect(error?.matches("actor", "action_timed_out") == true)
            #expect(error?.remote?.httpStatus == 408)
            setting.gates["wait"].set()
        }
    }

    @Test("B177: sends that are awaited are stored in their order", arguments: Server.encodings)
    func order(_ encoding: RivetConfiguration.Encoding) async throws {
        try await DurationTests.run {
            $0.encoding = encoding
        } _: { setting in
            for number in 0..<20 { try await setting.probe.enqueue(ProbeActor.Job(name: "\(number)")) }
            _ = try await setting.probe.enqueueAndWait(ProbeActor.Job(name: "last"), timeout: .seconds(30))
            let jobs = setting.log.all.filter { $0.hasPrefix("job") }
            #expect(jobs == (0..<20).map { "job \($0)" } + ["job last"])
        }
    }

    @Test("B177: sends of several tasks are under way at the same time")
    func sideBySide() async throws {
        try await CauseTests.run { client, server in
            let handle = client.getForID("a", "x")
            let sending = (0..<3).map { number in Task { try await handle.enqueue("b", number) } }
            var peers: [LiteralServer.Peer] = []
            for _ in sending {
                let peer = try await server.accept()
                #expect(try await peer.readHead().first?.hasPrefix("POST /gateway/x@secret/queue/b") == true)
                peers.append(peer)
            }
            for peer in peers.reversed() {
                peer.write([UInt8]("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n".utf8))
                peer.write([4, 0, 9] + Array("completed".utf8) + [0])
            }
            for task in sending { try await task.value }
        }
    }

    @Test("B178: a full queue, or a message too large, is told after the first answer", arguments: [false, true])
    func refused(_ isIdempotent: Bool) async throws {
        var limits = LocalEngine.Limits()
        limits.maxQueuedMessages = 1
        limits.maxQueuedMessageSize = 1_000
        try await DurationTests.run(limits: limits) { setting in
            let options = CallOptions(isIdempotent: isIdempotent)
            try await setting.probe.enqueue(ProbeActor.Job(name: "wait"))
            let full = await #expect(throws: RivetError.self) {
                try await setting.probe.enqueue(ProbeActor.Job(name: "second"), options)
            }
            #expect(full?.matches("queue", "full") == true)
            #expect(full?.execution == .notSent)
            #expect(full?.isTransient == true)
            let waited = await #expect(throws: RivetError.self) {
                _ = try await setting.probe.enqueueAndWait(ProbeActor.Job(name: "third"), timeout: .seconds(9), options)
            }
            #expect(waited?.matches("queue", "full") == true)
            let large = await #expect(throws: RivetError.self) {
                try await setting.probe.enqueue(ProbeActor.Job(name: String(repeating: "x", count: 1_000)), options)
            }
            #expect(large?.matches("queue", "message_too_large") == true)
            #expect(large?.execution == .notSent)
            #expect(large?.isTransient == false)
            setting.gates["wait"].set()
        }
        for code in ["full", "message_too_large"] {
            try await Server.run([], then: Server.Answer.error(400, "queue.\(code)", isGateways: false)) {
                client,
                server in
                let options = CallOptions(isIdempotent: isIdempotent)
                for handle in [client.getForID("a", "x"), client.getForID("a", "y")] {
                    let error = await #expect(throws: RivetError.self) { try await handle.enqueue("b", 1, options) }
                    #expect(error?.matches("queue", code) == true)
                }
                #expect(server.lines == ["POST /gateway/x/queue/b", "POST /gateway/y/queue/b"])
            }
        }
    }

    @Test("B179: a queue that the actor forbids", arguments: Server.encodings)
    func forbidden(_ encoding: RivetConfiguration.Encoding) async throws {
        try await DurationTests.run {
            $0.encoding = encoding
        } _: { setting in
            _ = try await setting.probe.resolve()
            setting.engine.faults.inject(
                .refuse(group: "auth", code: "forbidden", message: "not this one"),
                at: .request,
                times: 2
            )
            let error = await #expect(throws: RivetError.self) {
                try await setting.probe.enqueue(ProbeActor.Job(name: "a"), CallOptions(isIdempotent: true))
            }
            #expect(error?.matches("auth", "forbidden") == true)
            #expect(error?.remote?.message == "not this one")
            #expect(error?.remote?.httpStatus == 403)
            #expect(error?.execution == .notSent)
            #expect(error?.fault == .caller)
            setting.engine.faults.clear()
            _ = try await setting.probe.enqueueAndWait(ProbeActor.Job(name: "b"), timeout: .seconds(30))
            #expect(setting.log.all.filter { $0.hasPrefix("job") } == ["job b"])
        }
    }

    @Test("B180: what an overloaded actor did not store is sent again, by key and by id", arguments: [false, true])
    func overloaded(_ isByID: Bool) async throws {
        let clock = TestClock()
        try await DurationTests.run(clock: clock) { setting in
            let id = try await setting.probe.resolve()
            let probe = isByID ? setting.client.getForID(ProbeActor.self, id) : setting.probe
            _ = try await probe.send(ProbeActor.Add(amount: 1))
            setting.engine.faults.inject(
                .refuse(group: "actor", code: "overloaded", metadata: ["secret": "x"]),
                at: .request,
                times: 2
            )
            try await passingPauses(of: setting.client, clock) { try await probe.enqueue(ProbeActor.Job(name: "a")) }
            _ = try await probe.enqueueAndWait(ProbeActor.Job(name: "b"), timeout: .seconds(30))
            #expect(setting.log.all.filter { $0.hasPrefix("job") } == ["job a", "job b"])
            setting.engine.faults.inject(
                .refuse(group: "actor", code: "overloaded", metadata: ["secret": "x"]),
                at: .request,
                times: 1_000
            )
            let error = await #expect(throws: RivetError.self) {
                try await passingPauses(of: setting.client, clock) {
                    try await probe.enqueue(ProbeActor.Job(name: "c"), CallOptions(timeout: .milliseconds(300)))
                }
            }
            #expect(error?.matches("actor", "overloaded") == true)
            #expect(try error?.remote?.metadata(as: [String: String].self) == nil)
            setting.engine.faults.clear()
        }
    }

    @Test("B181: a send whose answer was lost may be stored, and is repeated only where that is allowed")
    func lostAnswer() async throws {
        try await DurationTests.run { setting in
            let probe = setting.probe
            _ = try await probe.send(ProbeActor.Add(amount: 1))
            setting.engine.faults.inject(.cut(), at: .request)
            let error = await #expect(throws: RivetError.self) { try await probe.enqueue(ProbeActor.Job(name: "a")) }
            #expect(error?.code == .connectionLost)
            #expect(error?.execution == .mayHaveRun)
            setting.engine.faults.inject(.cut(), at: .request)
            try await probe.enqueue(ProbeActor.Job(name: "b"), CallOptions(isIdempotent: true))
            _ = try await probe.enqueueAndWait(ProbeActor.Job(name: "c"), timeout: .seconds(30))
            #expect(setting.log.all.filter { $0.hasPrefix("job") } == ["job a", "job b", "job b", "job c"])
        }
        // The worst of all tries counts, whatever the last one was.
        try await Server.run([.reset, Server.Answer.error(400, "queue.full", isGateways: false)]) { client, server in
            let error = await #expect(throws: RivetError.self) {
                try await client.getForID("a", "x").enqueue("b", 1, CallOptions(isIdempotent: true))
            }
            #expect(error?.matches("queue", "full") == true)
            #expect(error?.execution == .mayHaveRun)
            #expect(server.lines == ["POST /gateway/x/queue/b", "POST /gateway/x/queue/b"])
        }
        try await Server.run([.reset, Self.stored]) { client, server in
            try await client.getForID("a", "x").enqueue("b", 1, CallOptions(isIdempotent: true))
            #expect(server.requests.count == 2)
        }
    }
}

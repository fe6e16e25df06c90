// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// Queues (PROTOCOL e2, k7).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LocalQueueTests {
    private func send(
        _ peer: PlainPeer,
        _ actor: String,
        _ name: String,
        _ body: String,
        _ more: String = ""
    ) async throws -> PlainPeer.Response {
        try await peer.request(
            "POST",
            "/gateway/\(actor)/queue/\(name)",
            body: Array(#"{"body":\#(body)\#(more)}"#.utf8)
        )
    }

    @Test func messagesAreConsumedInOrderOneAfterAnother() async throws {
        let test = ProbeEngine()
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            for name in ["wait", "b", "c"] {
                #expect(try await send(peer, actor, "job", #"{"name":"\#(name)"}"#).text == #"{"status":"completed"}"#)
            }
            try await test.waitFor("job wait")
            #expect(!test.log.all.contains("job b"))
            test.gates["wait"].set()
            let last = try await send(peer, actor, "job", #"{"name":"d"}"#, #","wait":true"#)
            #expect(last.text == #"{"response":"did d","status":"completed"}"#)
            #expect(test.log.all.filter { $0.hasPrefix("job") } == ["job wait", "job b", "job c", "job d"])
        }
    }

    @Test func aTimedOutWaitLeavesTheMessageAndItIsConsumedOnce() async throws {
        let clock = TestClock()
        let test = ProbeEngine(clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            async let answer = send(peer, actor, "job", #"{"name":"wait"}"#, #","wait":true,"timeout":500"#)
            try await test.waitFor("job wait")
            await clock.waitForSleepers()
            await clock.advance(by: .milliseconds(500))
            #expect(try await answer.text == #"{"status":"timedOut"}"#)
            test.gates["wait"].set()
            let next = try await send(peer, actor, "job", #"{"name":"b"}"#, #","wait":true"#)
            #expect(next.text == #"{"response":"did b","status":"completed"}"#)
            #expect(test.log.all.filter { $0.hasPrefix("job") } == ["job wait", "job b"])
        }
    }

    @Test func theActionTimeoutEndsALongerWait() async throws {
        let clock = TestClock()
        let test = ProbeEngine(clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            async let answer = send(peer, actor, "job", #"{"name":"wait"}"#, #","wait":true,"timeout":90000"#)
            try await test.waitFor("job wait")
            await clock.waitForSleepers()
            await clock.advance(by: .seconds(60))
            let ended = try await answer
            #expect(ended.status == 408)
            #expect(ended.text.contains(#""code":"action_timed_out""#))
        }
    }

    @Test func outcomes() async throws {
        let test = ProbeEngine()
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let silent = try await send(peer, actor, "silent", #"{"name":"a"}"#, #","wait":true"#)
            #expect(silent.text == #"{"status":"completed"}"#)
            // As a JavaScript actor without such a queue.
            let unknown = try await send(peer, actor, "nope", #"{"name":"a"}"#, #","wait":true"#)
            #expect(unknown.text == #"{"status":"completed"}"#)
            let failed = try await send(peer, actor, "job", #"{"name":"fail"}"#, #","wait":true"#)
            #expect(failed.status == 500)
            #expect(failed.text.contains(#""code":"bad_job","group":"user","message":"bad job""#))
            let large = try await send(peer, actor, "job", "\"" + String(repeating: "x", count: 65_536) + "\"")
            #expect(large.status == 400)
            #expect(large.text.contains(#""code":"message_too_large","group":"queue""#))
        }
        var strict = ProbeEngine()
        strict.settings.refusesUnknownQueues = true
        try await strict.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            #expect(try await send(peer, actor, "nope", #"{"name":"a"}"#).status == 404)
        }
    }

    @Test func whatIsQueuedWakesAnActorThatHasFallenAsleep() async throws {
        let test = ProbeEngine()
        try await test.run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            for name in ["wait", "b"] { _ = try await send(peer, actor, "job", #"{"name":"\#(name)"}"#) }
            try await test.waitFor("job wait")
            let slept = try await peer.request("POST", "/gateway/\(actor)/action/sleep", body: Array("{}".utf8))
            #expect(slept.status == 200)
            test.gates["wait"].set()
            try await test.waitFor("job b")
            #expect(test.log.all.filter { $0 == "sleep" || $0.hasPrefix("job") } == ["job wait", "sleep", "job b"])
        }
    }

    @Test func aSenderThatWaitsForAKilledActorDoesNotSendAgain() async throws {
        let test = ProbeEngine()
        try await test.run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            async let answer = send(peer, actor, "job", #"{"name":"wait"}"#, #","wait":true"#)
            try await test.waitFor("job wait")
            await engine.faults.killActors()
            try await test.waitFor("job wait", times: 2)
            test.gates["wait"].set()
            #expect(try await answer.text == #"{"response":"did wait","status":"completed"}"#)
            _ = try await send(peer, actor, "job", #"{"name":"b"}"#, #","wait":true"#)
            #expect(test.log.all.filter { $0.hasPrefix("job") } == ["job wait", "job wait", "job b"])
        }
    }

    @Test func aKilledActorConsumesTheMessageAgain() async throws {
        let test = ProbeEngine()
        try await test.run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            _ = try await send(peer, actor, "job", #"{"name":"wait"}"#)
            try await test.waitFor("job wait")
            await engine.faults.killActors()
            try await test.waitFor("job wait", times: 2)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Connections of one client that learn from each other where a nudge helps: first the machines, then a client.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct NudgeLearningTests {
    /// What each of the connections made one after the other says about actions "x" and "y" of actor "a", and of "b".
    struct Course {
        let knowledge = NudgeKnowledge()
        var fixture: SteppedMachine
        private var lastID: UInt64?

        init() { fixture = SteppedMachine() }

        /// A new connection to `actor`; what leaves behind its 101, whose `Init` comes after `milliseconds`.
        mutating func connect(_ actor: String, _ milliseconds: Double = 0, names: [String] = []) -> [String] {
            lastID = nil
            fixture = SteppedMachine(nudge: ReplyNudgeStateMachine(knowledge, actorName: actor))
            _ = fixture.start()
            let behind101 = fixture.opened(names)
            _ = fixture.timePassed(milliseconds / 1_000)
            _ = fixture.initialized(names)
            return behind101
        }

        /// What leaves for a lone action that is answered after `milliseconds`.
        mutating func call(_ name: String, _ milliseconds: Double) -> [String] {
            let id = lastID.map { $0 + 1 } ?? 0
            lastID = id
            // Long after whatever was before.
            _ = fixture.timePassed(1)
            let left =
                fixture.submit(name, 1) + fixture.timePassed(0.003) + fixture.timePassed(milliseconds / 1_000 - 0.003)
            _ = fixture.answered(id)
            return left.map { $0 == "action \(id) \(name)" ? name : $0 }
        }
    }

    @Test("B226: nothing is nudged until two lone actions stalled; a new connection starts with what is known")
    func secondConnection() {
        var course = Course()
        #expect(course.connect("a") == [])
        #expect(course.call("x", 45) == ["x"])
        #expect(course.call("x", 45) == ["x"])
        #expect(course.call("x", 45) == ["x", "nudge"])
        #expect(course.connect("a") == [])
        #expect(course.call("x", 6) == ["x", "nudge"])
    }

    @Test("B226: two actions of one actor, two actors, and Init are learned apart")
    func apart() {
        var course = Course()
        _ = course.connect("a")
        for _ in 0..<2 { _ = course.call("x", 45) }
        #expect(course.call("y", 45) == ["y"])
        #expect(course.call("x", 6) == ["x", "nudge"])
        #expect(course.connect("b", 45) == [])
        #expect(course.call("x", 45) == ["x"])
        #expect(course.connect("b", 45) == [])
        #expect(course.connect("a") == [])
        #expect(course.connect("b") == ["nudge"])
        #expect(course.call("x", 45) == ["x"])
        #expect(course.call("x", 6) == ["x", "nudge"])
    }

    @Test("B88: with names to subscribe these are the nudge, and nothing is learned about Init")
    func names() {
        var course = Course()
        for _ in 0..<5 { #expect(course.connect("a", 45, names: ["e"]) == ["subscribe e"]) }
        for _ in 0..<2 { #expect(course.connect("a", 45) == []) }
        #expect(course.connect("a", names: ["e"]) == ["subscribe e"])
        #expect(course.connect("a") == ["nudge"])
    }

    @Test("B226: an attempt that ends on its way to Init says nothing about the next one's")
    func lostOnTheWay() {
        let knowledge = NudgeKnowledge()
        for _ in 0..<3 {
            var fixture = SteppedMachine(nudge: ReplyNudgeStateMachine(knowledge, actorName: "a"))
            _ = fixture.start()
            #expect(fixture.opened([]) == [])
            _ = fixture.ended(.reset)
            _ = fixture.timePassed()
            // Nothing leaves before its `Init`, so nothing is learned from it either (B88).
            #expect(fixture.opened([]) == [])
            _ = fixture.timePassed(0.045)
            #expect(fixture.initialized([]).last == "connected 1")
        }
    }

    @Test("B226: a lone action whose caller is gone is not nudged, nor one on a socket that closes")
    func gone() {
        let knowledge = NudgeKnowledge()
        knowledge.mark(actor: "a", action: "x")
        for leave: (inout SteppedMachine.Machine) -> Void in [
            { $0.withdraw(0, CancellationError()) }, { $0.disconnectRequested() },
        ] {
            var fixture = SteppedMachine.open(nudge: ReplyNudgeStateMachine(knowledge, actorName: "a"))
            #expect(fixture.submit("x", 1) == ["action 0 x"])
            _ = fixture.step(leave)
            #expect(fixture.timePassed(0.003) == [])
        }
    }

    /// Two connections, each with two lone actions that stall, and what leaves for the next one.
    @Test(
        "B226, B88: a client's connections learn together; with `replyNudge` off nothing leaves",
        arguments: [true, false]
    )
    func client(_ isOn: Bool) async throws {
        try await LiteralConnection.run {
            $0.replyNudge = isOn ? .automatic : .off
        } _: { fixture in
            var connection = fixture.connection
            for isNudged in [false, false, true] {
                let socket = try await fixture.upgrade()
                try #require(await behind101(socket) == (isNudged && isOn ? ["unsubscribe _rivetasync.nudge"] : []))
                await fixture.clock.advance(by: .milliseconds(45))
                socket.initialize()
                try await connection.waitUntilConnected()
                await fixture.clock.advance(by: .seconds(1))
                let calling = Task { [connection] in try await connection.action("x") as NoValue }
                #expect(try await socket.next() == "action 0 x")
                await fixture.clock.advance(by: .milliseconds(3))
                if isNudged, isOn { #expect(try await socket.next() == "unsubscribe _rivetasync.nudge") }
                #expect(try await socket.isSilent())
                await fixture.clock.advance(by: .milliseconds(42))
                socket.answer(0)
                _ = try await calling.value
                await disconnect(connection, socket)
                connection = fixture.handle.connect()
            }
            await connection.disconnect()
        }
    }

    private func behind101(_ socket: LiteralConnection.Socket) async throws -> [String] {
        // Answered behind what leaves with the 101.
        socket.peer.write(LiteralConnection.Server.frame(9, [1]))
        var names: [String] = []
        while let name = try await [socket.next()].first(where: { $0 != "pong" }) { names.append(name) }
        return names
    }

    private func disconnect(_ connection: ActorConnection<Untyped>, _ socket: LiteralConnection.Socket) async {
        async let ending: Void = connection.disconnect()
        _ = try? await socket.next()
        socket.close(1_000)
        await ending
    }
}

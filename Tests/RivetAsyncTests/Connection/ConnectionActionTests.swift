// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Actions over a connection: when they leave, in which order, and what becomes of them when something ends.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionActionTests {
    @Test("B63: an action is held until Init, and sent then")
    func heldUntilInit() async throws {
        try await LiteralConnection.run { fixture in
            let calling = Task { try await fixture.connection.action("b") as Int }
            let socket = try await fixture.upgrade()
            try await fixture.untilHeld(1)
            #expect(try await socket.isSilent())
            socket.initialize()
            #expect(try await socket.next() == "action 0 b")
            socket.answer(0, "7")
            #expect(try await calling.value == 7)
        }
    }

    @Test("B65: actions that are called one after the other leave in that order", arguments: [false, true])
    func order(_ isOpen: Bool) async throws {
        try await LiteralConnection.run { fixture in
            var socket: LiteralConnection.Socket?
            if isOpen {
                socket = try await fixture.open()
                try await fixture.connection.waitUntilConnected()
            }
            // Each runs in its caller up to its first wait before the next one begins.
            let calls = (0..<50).map { number in
                Task.immediate { try await fixture.connection.action("a\(number)") as NoValue }
            }
            let peer = if let socket { socket } else { try await fixture.open() }
            for number in 0..<50 { #expect(try await peer.next() == "action \(number) a\(number)") }
            for number in 0..<50 { peer.answer(number) }
            for call in calls { _ = try await call.value }
        }
    }

    @Test(
        "B70, B71: what was in flight fails at once with the reason of the close and may have run; what was held did not"
    )
    func lost() async throws {
        try await LiteralConnection.run {
            $0.reconnect = ReconnectPolicy(maxAttempts: 1)
        } _: { fixture in
            let socket = try await fixture.open()
            let calls = (0..<3).map { number in Task { try await fixture.connection.action("b", number) as NoValue } }
            for _ in calls { #expect(try await socket.next().hasPrefix("action ")) }
            socket.close(1_011, "guard.service_unavailable#r9")
            for call in calls {
                let error = await #expect(throws: RivetError.self) { try await call.value }
                #expect(error?.matches("guard", "service_unavailable") == true)
                #expect(error?.remote?.rayID == "r9")
                #expect(error?.execution == .mayHaveRun)
                #expect(error?.connectionSurvives == false)
            }
            let later = await #expect(throws: RivetError.self) { try await fixture.connection.action("c") as NoValue }
            #expect(later?.execution == .notSent)
        }
    }

    @Test("B71: an action that was held when the connection gave up was not sent")
    func held() async throws {
        try await LiteralConnection.run {
            $0.reconnect = ReconnectPolicy(maxAttempts: 1)
        } _: { fixture in
            let calling = Task { try await fixture.connection.action("b") as NoValue }
            let socket = try await fixture.upgrade()
            try await fixture.untilHeld(1)
            socket.close(1_011, "guard.service_unavailable")
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.execution == .notSent)
            #expect(error?.matches("guard", "service_unavailable") == true)
        }
    }

    @Test("B77: an action's time-out ends that action, and the connection lives")
    func timeOut() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            let calling = Task {
                try await fixture.connection.action("b", options: .init(timeout: .seconds(5))) as NoValue
            }
            #expect(try await socket.next() == "action 0 b")
            await fixture.clock.advance(by: .seconds(5))
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .mayHaveRun)
            #expect(error?.connectionSurvives == true)
            // Its answer comes late, and is nobody's.
            socket.answer(0, "1")
            let next = Task { try await fixture.connection.action("c") as Int }
            #expect(try await socket.next() == "action 1 c")
            socket.answer(1, "2")
            #expect(try await next.value == 2)
            #expect(fixture.connection.status.current.name == "connected 1")
        }
    }

    @Test("B80: arguments that do not encode are the caller's error at once, and nothing else happens")
    func encoding() async throws {
        struct Failing: Encodable, Sendable {
            struct Trouble: Error {}
            func encode(to encoder: any Encoder) throws { throw Trouble() }
        }
        try await LiteralConnection.run { fixture in
            for isOpen in [false, true] {
                let error = await #expect(throws: RivetError.self) {
                    try await fixture.connection.action("b", Failing()) as NoValue
                }
                #expect(error?.code == .encodingFailed)
                #expect(error?.fault == .caller)
                #expect(error?.execution == .notSent)
                #expect(await fixture.heldCount == 0)
                if isOpen { break }
                _ = try await fixture.open()
                try await fixture.connection.waitUntilConnected()
            }
            #expect(fixture.connection.status.current.name == "connected 1")
        }
    }

    @Test("B82: a message over the actor's limit: all that is in flight fails with that reason, and none is sent again")
    func tooLong() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            let calls = (0..<2).map { number in Task { try await fixture.connection.action("b", number) as NoValue } }
            for _ in calls { _ = try await socket.next() }
            socket.close(1_011, "message.incoming_too_long")
            for call in calls {
                let error = await #expect(throws: RivetError.self) { try await call.value }
                #expect(error?.matches("message", "incoming_too_long") == true)
                #expect(error?.execution == .mayHaveRun)
            }
            let second = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            #expect(try await second.isSilent())
        }
    }

    @Test("B83: an answer over the actor's limit fails that action only, which ran")
    func answerTooLong() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            let first = Task { try await fixture.connection.action("b") as Int }
            #expect(try await socket.next() == "action 0 b")
            let second = Task { try await fixture.connection.action("c") as Int }
            #expect(try await socket.next() == "action 1 c")
            socket.error("message", "outgoing_too_long", id: 0)
            let error = await #expect(throws: RivetError.self) { try await first.value }
            #expect(error?.matches("message", "outgoing_too_long") == true)
            #expect(error?.execution == .ran)
            #expect(error?.connectionSurvives == true)
            socket.answer(1, "5")
            #expect(try await second.value == 5)
        }
    }

    @Test("B85: a task that is cancelled already holds nothing and sends nothing", arguments: [false, true])
    func cancelledBefore(_ isOpen: Bool) async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.upgrade()
            if isOpen {
                socket.initialize()
                try await fixture.connection.waitUntilConnected()
            }
            let call = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await fixture.connection.action("b") as NoValue
            }
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(await fixture.heldCount == 0)
            if !isOpen { socket.initialize() }
            try await fixture.connection.waitUntilConnected()
            #expect(try await socket.isSilent())
        }
    }

    @Test("B81: of actions to a peer that did not read, those that never left are first in line on the next socket")
    func neverLeft() async throws {
        try await LiteralConnection.run {
            $0.maxHeldActions = 10_000
        } _: { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            socket.peer.suspendReading()
            let text = String(repeating: "x", count: 8_000)
            var calls: [Task<Int, any Error>] = []
            // Until the kernel's buffers and ours are full.
            while await fixture.heldCount < 3 {
                try #require(fixture.connection.status.current.name == "connected 1")
                let name = "a\(calls.count)"
                calls.append(Task.immediate { try await fixture.connection.action(name, text) })
            }
            let held = await fixture.heldCount
            socket.peer.reset()
            let next = try await fixture.open()
            let first = try await next.next().split(separator: " ")
            let left = try #require(Int(first[1]))
            #expect(first == ["action", "\(left)", "a\(left)"])
            // More than those that were held: some were in our own buffer.
            #expect(0 < left && left < calls.count - held)
            for call in calls[..<left] {
                let error = await #expect(throws: RivetError.self) { try await call.value }
                #expect(error?.code == .connectionLost)
                #expect(error?.execution == .mayHaveRun)
            }
            for number in left + 1..<calls.count { #expect(try await next.next() == "action \(number) a\(number)") }
            for number in left..<calls.count { next.answer(number, "\(number)") }
            for number in left..<calls.count { #expect(try await calls[number].value == number) }
        }
    }
}

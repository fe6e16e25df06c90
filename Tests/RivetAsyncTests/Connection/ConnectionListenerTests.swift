// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Listeners of a connection: what they send, and what reaches them.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionListenerTests {
    private static func numbers(_ fixture: LiteralConnection) -> NamedEventSequence<Int> {
        fixture.connection.events(named: "e", as: Int.self)
    }

    @Test("B89: a listener that came before an action hears what the action causes", arguments: [false, true])
    func listenerFirst(_ isOpen: Bool) async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.upgrade()
            if isOpen {
                socket.initialize()
                try await fixture.connection.waitUntilConnected()
            }
            var events = Self.numbers(fixture).makeAsyncIterator()
            let calling = Task { try await fixture.connection.action("b") as NoValue }
            if !isOpen { socket.initialize() }
            #expect(try await socket.next() == "subscribe e")
            #expect(try await socket.next() == "action 0 b")
            socket.event("1")
            socket.answer(0)
            #expect(await events.next() == 1)
            _ = try await calling.value
        }
    }

    @Test("B90: events that come before Init reach who listens already, whatever the server has confirmed")
    func beforeInit() async throws {
        try await LiteralConnection.run { fixture in
            var events = Self.numbers(fixture).makeAsyncIterator()
            let socket = try await fixture.upgrade()
            socket.event("1")
            #expect(await events.next() == 1)
            #expect(fixture.connection.status.current.name == "connecting 1")
            socket.initialize()
            socket.event("2")
            #expect(await events.next() == 2)
        }
    }

    @Test("B90, B104: events that come before Init of a connection that is back stand behind its gap")
    func beforeInitAgain() async throws {
        try await LiteralConnection.run { fixture in
            var deliveries = Self.numbers(fixture).deliveries.makeAsyncIterator()
            let socket = try await fixture.open()
            #expect(try await socket.next() == "subscribe e")
            socket.close(1_001)
            let second = try await fixture.upgrade()
            second.event("1")
            second.initialize()
            #expect(try await deliveries.next()?.name == "gap 2")
            #expect(try await deliveries.next()?.name == "1")
        }
    }

    @Test("B90, B104: events of a socket without an Init stand with none of another's", arguments: [false, true])
    func neverInitialized(wasOpen: Bool) async throws {
        try await LiteralConnection.run { fixture in
            var deliveries = Self.numbers(fixture).deliveries.makeAsyncIterator()
            let first = try await wasOpen ? fixture.open() : fixture.upgrade()
            first.event("1")
            #expect(try await deliveries.next()?.name == "1")
            first.close(1_001)
            // Rivet's engine loses an `Init` now and then, and brings the events.
            let second = try await fixture.upgrade()
            second.event("2")
            second.close(1_001)
            let third = try await fixture.upgrade()
            third.event("4")
            third.initialize()
            #expect(try await deliveries.next()?.name == (wasOpen ? "gap 2" : "gap 1"))
            #expect(try await deliveries.next()?.name == "4")
        }
    }

    @Test("B283: who hears an answer finds the events that came before it, also those of the same read")
    func answerBehindEvents() async throws {
        try await LiteralConnection.run { fixture in
            let events = Self.numbers(fixture)
            let socket = try await fixture.open()
            #expect(try await socket.next() == "subscribe e")
            for id in 0..<200 {
                let calling = Task.immediate { try await fixture.connection.action("a") as NoValue }
                #expect(try await socket.next() == "action \(id) a")
                socket.peer.write(
                    LiteralConnection.Socket.eventFrame("\(id)", "e") + LiteralConnection.Socket.answerFrame(id)
                )
                _ = try await calling.value
                #expect(fixture.connection.statistics.eventsReceived == id + 1)
            }
            withExtendedLifetime(events) {}
        }
    }

    @Test("B93: a listener that ended while the connection was lost is not subscribed again")
    func endedMeanwhile() async throws {
        try await LiteralConnection.run { fixture in
            var kept = fixture.connection.events(named: "kept", as: Int.self).makeAsyncIterator()
            var ended: NamedEventSequence<Int>? = Self.numbers(fixture)
            let socket = try await fixture.open()
            #expect(Set([try await socket.next(), try await socket.next()]) == ["subscribe e", "subscribe kept"])
            socket.close(1_001)
            let second = try await fixture.server.accept()
            _ = ended.take()
            try await until { fixture.connection.driver.book.current.names == ["kept"] }
            let key = try CauseTests.key(of: try await second.readHead())
            second.write(RawPeer.answer(toKey: key))
            let again = LiteralConnection.Socket(peer: second)
            again.initialize()
            #expect(try await again.next() == "subscribe kept")
            #expect(try await again.isSilent())
            again.event("1", "kept")
            #expect(await kept.next() == 1)
        }
    }

    @Test("B94: a listener that is added when the connection opens subscribes once")
    func addedAtOpen() async throws {
        try await LiteralConnection.run { fixture in
            let listening = Task {
                for await status in fixture.connection.status {
                    guard case .connected = status else { continue }
                    for await number in Self.numbers(fixture) { return number }
                }
                return 0
            }
            let socket = try await fixture.open()
            #expect(try await socket.next() == "subscribe e")
            #expect(try await socket.isSilent())
            socket.event("1")
            #expect(await listening.value == 1)
        }
    }

    @Test("B95, B107: who wants the first event only unsubscribes behind it, once, whatever ends its loop again")
    func firstOnly() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            let listening = Task {
                var events = Self.numbers(fixture).makeAsyncIterator()
                let first = await events.next()
                withUnsafeCurrentTask { $0?.cancel() }
                // The end, again and again.
                for _ in 0..<3 { #expect(await events.next() == nil) }
                return first
            }
            #expect(try await socket.next() == "subscribe e")
            socket.event("1")
            #expect(await listening.value == 1)
            #expect(try await socket.next() == "unsubscribe e")
            #expect(try await socket.isSilent())
        }
    }

    @Test("B96, B101: events go on for the others when a listener has ended, or cannot read them")
    func others() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            let heard = Recorder<String>()
            let gone = Task {
                for await number in Self.numbers(fixture) {
                    heard.add("gone \(number)")
                    break
                }
            }
            #expect(try await socket.next() == "subscribe e")
            var numbers = Self.numbers(fixture).makeAsyncIterator()
            var texts = fixture.connection.events(named: "e", as: String.self).deliveries.makeAsyncIterator()
            socket.event("1")
            await gone.value
            socket.event(#""two""#)
            socket.event("3")
            #expect(await numbers.next() == 1)
            #expect(await numbers.next() == 3)
            for expected in [nil, "two", nil] {
                switch try await texts.next() {
                case .event(let text): #expect(text == expected)
                case .gap(.undecodable): #expect(expected == nil)
                case let other: Issue.record("\(other as Any)")
                }
            }
            #expect(heard.all == ["gone 1"])
            #expect(try await socket.isSilent())
        }
    }

    @Test("B108: a connection that is closed with listeners sends its close and no unsubscribe")
    func disconnect() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            let listening = Task { for await _ in Self.numbers(fixture) {} }
            #expect(try await socket.next() == "subscribe e")
            let closing = Task { await fixture.connection.disconnect() }
            #expect(try await socket.next() == "close 1000")
            socket.close(1_000)
            await closing.value
            await listening.value
        }
    }
}

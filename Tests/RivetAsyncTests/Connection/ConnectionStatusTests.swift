// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// What a connection tells of its life, and when.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionStatusTests {
    /// The names of all statuses from now to the end.
    private static func names(_ fixture: LiteralConnection) -> Task<[String], Never> {
        let statuses = fixture.connection.status.makeAsyncIterator()
        return Task {
            var (statuses, names) = (statuses, [String]())
            while let status = await statuses.next() { names.append(status.name) }
            return names
        }
    }

    @Test("B125, B128, B132, B137: connecting comes first, each opening is told once, and the end is the last")
    func life() async throws {
        try await LiteralConnection.run { fixture in
            // Nobody has accepted yet.
            #expect(fixture.connection.status.current.name == "connecting 1")
            let names = Self.names(fixture)
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            socket.initialize()
            socket.close(1_001)
            let second = try await fixture.open()
            for await status in fixture.connection.status where status.name == "connected 2" { break }
            let closing = Task { await fixture.connection.disconnect() }
            #expect(try await second.next() == "close 1000")
            second.close(1_000)
            await closing.value
            #expect(
                await names.value == [
                    "connecting 1", "connected 1", "waiting 2", "connecting 2", "connected 2", "closed",
                ]
            )
            guard case .closed(.requested) = fixture.connection.status.current else {
                Issue.record("\(fixture.connection.status.current)")
                return
            }
        }
    }

    @Test("B126, B127: each attempt is told, and between them its number, the wait and the last error")
    func attempts() async throws {
        try await LiteralConnection.run {
            $0.reconnect = ReconnectPolicy(first: .zero, maxAttempts: 3)
        } _: { fixture in
            var statuses = fixture.connection.status.makeAsyncIterator()
            for attempt in 1...3 {
                #expect(await statuses.next()?.name == "connecting \(attempt)")
                let socket = try await fixture.upgrade()
                socket.close(1_011, "guard.service_unavailable#r\(attempt)")
                switch await statuses.next() {
                case .waiting(let retry) where attempt < 3:
                    #expect(retry.attempt == attempt + 1)
                    #expect(retry.delay == .zero)
                    #expect(retry.cause.remote?.rayID == "r\(attempt)")
                case .closed(.failed(let error)) where attempt == 3:
                    #expect(error.remote?.rayID == "r3")
                case let other:
                    Issue.record("\(other as Any)")
                }
            }
            #expect(await statuses.next() == nil)
        }
    }

    @Test("B129: an observer gets the current status first, and however slow it is, the last one")
    func slowObserver() async throws {
        try await LiteralConnection.run { fixture in
            var slow = fixture.connection.status.makeAsyncIterator()
            for _ in 0..<100 {
                let socket = try await fixture.open()
                try await fixture.connection.waitUntilConnected()
                socket.close(1_001)
            }
            let last = try await fixture.open()
            for await status in fixture.connection.status where status.name == "connected 101" { break }
            var late = fixture.connection.status.makeAsyncIterator()
            #expect(await late.next()?.name == "connected 101")
            let closing = Task { await fixture.connection.disconnect() }
            #expect(try await last.next() == "close 1000")
            last.close(1_000)
            await closing.value
            var names: [String] = []
            while let status = await slow.next() { names.append(status.name) }
            #expect(names.last == "closed")
            #expect(names.count <= 66)
        }
    }

    @Test("B130: who is failed by a loss finds the new status already, never connected beside it")
    func statusFirst() async throws {
        try await LiteralConnection.run { fixture in
            for _ in 0..<50 {
                let socket = try await fixture.open()
                try await fixture.connection.waitUntilConnected()
                let calls = (0..<4).map { _ in
                    Task {
                        do { return try await fixture.connection.action("b") as String } catch is RivetError {
                            return fixture.connection.status.current.name
                        }
                    }
                }
                for _ in calls { _ = try await socket.next() }
                socket.close(1_001)
                for call in calls { #expect(try await !call.value.hasPrefix("connected")) }
            }
        }
    }

    @Test("B131: an action that returned leaves no doubt that the connection is open")
    func actionReturned() async throws {
        try await LiteralConnection.run { fixture in
            let calling = Task {
                _ = try await fixture.connection.action("b") as NoValue
                return fixture.connection.status.current.name
            }
            let socket = try await fixture.open()
            #expect(try await socket.next() == "action 0 b")
            socket.answer(0)
            #expect(try await calling.value == "connected 1")
        }
    }

    @Test("B140: actor and connection have their ids, which change with another socket")
    func ids() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.upgrade()
            socket.initialize("first")
            let info = try await fixture.connection.waitUntilConnected()
            #expect(info.actorID.rawValue == AnsweringServer.id)
            #expect(info.connectionID == "first")
            socket.close(1_001)
            let second = try await fixture.upgrade()
            second.initialize("second")
            for await status in fixture.connection.status {
                guard case .connected(let again) = status, again.connectionNumber == 2 else { continue }
                #expect(again.connectionID == "second")
                break
            }
        }
    }

    @Test("B138: openings and losses are counted in pairs, and attempts that opened nothing on their own")
    func pairs() async throws {
        let counts = Recorder<String>()
        let reading = Mutex<Task<Void, Never>?>(nil)
        try await LiteralConnection.run { fixture in
            let task = Self.measurements(fixture, counts)
            reading.withLock { $0 = task }
            let names = Self.names(fixture)
            let first = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            first.close(1_001)
            // Two that open nothing.
            for _ in 0..<2 {
                let socket = try await fixture.upgrade()
                socket.close(1_011, "guard.service_unavailable")
            }
            let last = try await fixture.open()
            for await status in fixture.connection.status where status.name == "connected 2" { break }
            let closing = Task { await fixture.connection.disconnect() }
            #expect(try await last.next() == "close 1000")
            last.close(1_000)
            await closing.value
            let opened = await names.value.filter { $0.hasPrefix("connected") }
            #expect(opened == ["connected 1", "connected 2"])
        }
        await reading.withLock { $0 }?.value
        let sums = Dictionary(counts.all.map { ($0, 1) }, uniquingKeysWith: +)
        #expect(
            sums == ["rivet.connections.opened": 2, "rivet.connections.lost": 2, "rivet.connections.failed": 2]
        )
    }

    @Test("B138: a connection that is refused before it has tried counts no attempt")
    func refusedCountsNothing() async throws {
        let client = try RivetClient.offline("token")
        let lines = client.diagnostics.makeAsyncIterator()
        let reading = Task {
            var (lines, names) = (lines, [String]())
            while let line = await lines.next() { names.append(line.message + (line.measurement?.name ?? "")) }
            return names
        }
        let connection = client.getOrCreate("a", ["b"]).connect(.init(reconnect: .init(first: .seconds(-1))))
        await #expect(throws: RivetError.self) { try await connection.waitUntilConnected() }
        #expect(connection.statistics.failedAttempts == 0)
        await client.close(within: .zero)
        #expect(await reading.value.filter { $0.hasPrefix("closed") } == ["closed for good"])
    }

    /// The names of what is measured of connections, until the client is closed.
    private static func measurements(_ fixture: LiteralConnection, _ counts: Recorder<String>) -> Task<Void, Never> {
        let iterator = DiagnosticSequence(lines: fixture.handle.core.context.diagnostics).makeAsyncIterator()
        return Task {
            var lines = iterator
            while let line = await lines.next() {
                if let name = line.measurement?.name, name.hasPrefix("rivet.connections.") { counts.add(name) }
            }
        }
    }

    @Test("B143: what an old socket says when another one is open is ignored")
    func oldSocket() async throws {
        try await LiteralConnection.run {
            $0.openTimeout = .seconds(20)
        } _: { fixture in
            var events = fixture.connection.events(named: "e", as: Int.self).makeAsyncIterator()
            let old = try await fixture.upgrade()
            #expect(try await old.next() == "subscribe e")
            await fixture.clock.advance(by: .seconds(20))
            let socket = try await fixture.upgrade()
            socket.initialize("new")
            let info = try await fixture.connection.waitUntilConnected()
            #expect(info.connectionID == "new")
            old.initialize("old")
            old.event("9")
            old.error("auth", "forbidden")
            old.close(1_008, "auth.forbidden")
            #expect(try await socket.next() == "subscribe e")
            // The old one has been read to its end.
            #expect(try await old.next() == "close 1000")
            let calling = Task { try await fixture.connection.action("b") as Int }
            #expect(try await socket.next() == "action 0 b")
            socket.event("1")
            socket.answer(0, "2")
            #expect(try await calling.value == 2)
            #expect(await events.next() == 1)
            guard case .connected(let now) = fixture.connection.status.current else {
                Issue.record("\(fixture.connection.status.current)")
                return
            }
            #expect(now.connectionID == "new")
        }
    }

    // MARK: Waiting for it

    @Test("B139: waiting for it returns when it opens, at once when it is open")
    func waiting() async throws {
        try await LiteralConnection.run { fixture in
            let waiters = (0..<3).map { _ in Task { try await fixture.connection.waitUntilConnected().connectionNumber }
            }
            _ = try await fixture.open()
            for waiter in waiters { #expect(try await waiter.value == 1) }
            #expect(try await fixture.connection.waitUntilConnected().connectionNumber == 1)
        }
    }

    @Test("B139: waiting for it throws when it ends for good, is disconnected, or the waiter is cancelled")
    func waitingInVain() async throws {
        try await LiteralConnection.run { fixture in
            let waiter = Task { try await fixture.connection.waitUntilConnected() }
            let socket = try await fixture.upgrade()
            // Another attempt follows, so it waits on.
            socket.close(1_011, "guard.service_unavailable")
            let second = try await fixture.upgrade()
            second.close(1_008, "auth.forbidden")
            let error = await #expect(throws: RivetError.self) { try await waiter.value }
            #expect(error?.matches("auth", "forbidden") == true)
            let later = await #expect(throws: RivetError.self) { try await fixture.connection.waitUntilConnected() }
            #expect(later?.matches("auth", "forbidden") == true)
        }
        try await LiteralConnection.run { fixture in
            let cancelled = Task { try await fixture.connection.waitUntilConnected() }
            let waiter = Task { try await fixture.connection.waitUntilConnected() }
            let socket = try await fixture.upgrade()
            // It has seen the 101, so that there is a socket to close.
            #expect(try await socket.isSilent())
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(fixture.connection.status.current.name == "connecting 1")
            let closing = Task { await fixture.connection.disconnect() }
            #expect(try await socket.next() == "close 1000")
            socket.close(1_000)
            await closing.value
            let error = await #expect(throws: RivetError.self) { try await waiter.value }
            #expect(error?.code == .connectionClosed)
        }
    }

    // MARK: Another attempt, or none

    @Test("B147: a line that is dead but not cut is noticed within interval and time-out")
    func halfOpen() async throws {
        try await LiteralConnection.run {
            $0.keepAlive = KeepAlive(interval: .seconds(10), timeout: .seconds(15))
        } _: { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            await fixture.clock.advance(by: .seconds(10))
            #expect(try await socket.next() == "ping")
            await fixture.clock.advance(by: .seconds(14))
            #expect(fixture.connection.status.current.name == "connected 1")
            await fixture.clock.advance(by: .seconds(1))
            _ = try await fixture.open()
            for await status in fixture.connection.status where status.name == "connected 2" { break }
        }
    }

    @Test("B155, B156: a connection that is closed while it waits ends at once, and no attempt follows")
    func closedInWait() async throws {
        try await LiteralConnection.run {
            $0.reconnect = ReconnectPolicy(first: .seconds(1_000), cap: .seconds(1_000))
        } _: { fixture in
            // The first retry has no wait, the second one has.
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            socket.close(1_001)
            for await status in fixture.connection.status where status.name == "waiting 2" { break }
            let count = fixture.server.connectionCount
            await fixture.connection.disconnect()
            await fixture.clock.advance(by: .seconds(2_000))
            #expect(fixture.server.connectionCount == count)
            #expect(fixture.connection.status.current.name == "closed")
        }
    }

    @Test("B157: reconnectNow() ends the wait, and does nothing where there is none")
    func reconnectNow() async throws {
        try await LiteralConnection.run {
            $0.reconnect = ReconnectPolicy(first: .seconds(1_000), cap: .seconds(1_000))
        } _: { fixture in
            fixture.connection.reconnectNow()
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            fixture.connection.reconnectNow()
            #expect(try await socket.isSilent())
            socket.close(1_001)
            for await status in fixture.connection.status where status.name == "waiting 2" { break }
            fixture.connection.reconnectNow()
            _ = try await fixture.open()
            for await status in fixture.connection.status where status.name == "connected 2" { break }
        }
    }

    @Test("B160: disconnect is done once, and returns to all who ask when it is done")
    func disconnectTwice() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            let returned = Recorder<Int>()
            let closing = (0..<3).map { _ in
                Task {
                    await fixture.connection.disconnect()
                    returned.add(1)
                }
            }
            #expect(try await socket.next() == "close 1000")
            #expect(returned.all.isEmpty)
            socket.close(1_000)
            for task in closing { await task.value }
            await fixture.connection.disconnect()
            #expect(returned.all.count == 3)
        }
    }

    @Test("B164: a connection that is closed at once is not there later")
    func disconnectAtOnce() async throws {
        try await LiteralConnection.run { fixture in
            await fixture.connection.disconnect()
            for _ in 0..<20 {
                let connection = fixture.handle.connect()
                await connection.disconnect()
                #expect(connection.status.current.name == "closed")
            }
        }
    }

    @Test("B167: of two references to a client or a connection, the end of one does not touch the other")
    func references() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            var copies = [fixture.connection, fixture.connection]
            var handles = [fixture.handle, fixture.handle]
            copies.removeLast()
            handles.removeLast()
            let calling = Task { [copies] in try await copies[0].action("b") as Int }
            #expect(try await socket.next() == "action 0 b")
            socket.answer(0, "1")
            #expect(try await calling.value == 1)
            #expect(handles.count == 1)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A client, its socket and the local engine as a pair, in memory and in virtual time.
@Suite(.leavesNothing, .timeLimit(.minutes(5)))
struct DayTests {
    @Test(
        "B92, B105, B145, B288: a day of a connection: pings, cuts, rests, a silent peer and actors that die"
    )
    func day() async throws {
        let clock = TestClock()
        let engine = try await LocalEngine.start(clock: clock, transport: .memory) {
            $0.actor(Counter.self, state: 0, Counter.define)
        }
        let configuration = try RivetConfiguration(endpoint: engine.endpoint)
        let client = RivetClient(configuration, clock: clock, transport: engine.transport)
        try await RivetAsync.scoped {
            await client.close(within: .zero)
            await engine.stop()
        } _: {
            var day = Day(clock: clock, engine: engine, connection: client.getOrCreate(Counter.self).connect())
            try await day.run()
        }
        #expect(client.context.gauge.counts == .zero)
        #expect(engine.gauge.counts == .zero)
    }
}

/// What happens in it, hour by hour.
private struct Day {
    let clock: TestClock
    let engine: LocalEngine
    let connection: ActorConnection<Counter>
    private var deliveries: EventDeliveries<NewCount>.AsyncIterator
    private var count = 0
    private var opened = 1

    init(clock: TestClock, engine: LocalEngine, connection: ActorConnection<Counter>) {
        (self.clock, self.engine, self.connection) = (clock, engine, connection)
        deliveries = connection.events(of: NewCount.self).deliveries.makeAsyncIterator()
    }

    mutating func run() async throws {
        try await connection.waitUntilConnected()
        for hour in 0..<24 {
            try await hourPasses()
            try await call()
            if hour % 3 == 1 {
                await engine.faults.cutAllConnections()
                try await comeBack()
            }
            if hour % 4 == 2 {
                await connection.pause()
                try await pass(.seconds(600))
                connection.resume()
                try await comeBack()
            }
            if hour % 6 == 3 { await engine.faults.killActors() }
            if hour == 12 {
                engine.faults.inject(.withhold, at: .pong)
                try await comeBack()
            }
            try await call()
        }
        // Eight cuts, six rests and a silence: no other loss, so every other ping was answered.
        let statistics = connection.statistics
        #expect(statistics.opened == 16)
        #expect(statistics.lost == 15)
        #expect(statistics.failedAttempts == 0)
        #expect(statistics.actionsAnswered == 48)
        #expect(statistics.eventsDelivered == 48)
        #expect(statistics.roundTrip == .zero)
    }

    /// One action, and the event that it causes: the next that is heard.
    private mutating func call() async throws {
        count += 1
        #expect(try await connection.send(Increment(amount: 1)) == count)
        guard case .event(let event)? = try await deliveries.next() else {
            Issue.record("no event")
            return
        }
        #expect(event.count == count)
    }

    /// The connection is open again, and the listener finds one gap.
    private mutating func comeBack() async throws {
        opened += 1
        try await until {
            let status = connection.status.current.name
            // While it opens the clock stands: on a busy machine time would be over before it is.
            if !status.hasPrefix("connecting") { await clock.advance(by: .milliseconds(10)) }
            return status == "connected \(opened)"
        }
        guard case .gap(.reconnected(let info))? = try await deliveries.next() else {
            Issue.record("no gap")
            return
        }
        #expect(info.connectionNumber == opened)
    }

    private func hourPasses() async throws {
        try await pass(.seconds(3_600))
        #expect(connection.status.current.name == "connected \(opened)")
    }

    /// In steps, each of which waits until the connection has done what is due in it, and for the answer to the ping that
    /// may have left then.
    private func pass(_ duration: Duration) async throws {
        var last = await traffic()
        for _ in 0..<Int(duration / .seconds(5)) {
            await clock.advance(by: .seconds(5))
            try await until { await isUpToDate() }
            var now = await traffic()
            guard now.written != last.written else { continue }
            try await until {
                now = await traffic()
                return now.received != last.received
            }
            last = now
        }
    }

    private func isUpToDate() async -> Bool {
        let driver = connection.driver
        return await driver.lane.perform {
            driver.assumeIsolated { driver in
                var machine = driver.machine
                return machine.nextDeadline.map { $0 > driver.context.time.now } ?? true
            }
        }
    }

    /// How many bytes the socket has taken and brought.
    private func traffic() async -> (written: UInt64, received: Int) {
        let driver = connection.driver
        return await driver.lane.perform {
            let connection = driver.assumeIsolated { $0.socket?.connection }
            return (connection?.stream.writtenCount ?? 0, connection?.receivedCount ?? 0)
        }
    }
}

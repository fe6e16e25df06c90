// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Durations at the ends of what a `Duration` holds, in every place that takes one: nothing traps, what is huge is no
/// bound, and what makes no sense is the caller's error at once.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DurationTests {
    static let huge = [Duration.seconds(Int64.max), .seconds(Int64.max) * 18, Duration.longest]
    static let negative = [Duration.seconds(-1), .nanoseconds(Int64.min), .seconds(Int64.min) * 18]

    /// A client of an engine with the probe, whose clock is real, as the client's is unless said otherwise.
    struct Setting: Sendable {
        let client: RivetClient
        let engine: LocalEngine
        let gates: Gates
        let log: Recorder<String>
        var probe: ActorHandle<ProbeActor> { client.getOrCreate(ProbeActor.self, ["k"]) }
    }

    static func run<R: Sendable>(
        limits: LocalEngine.Limits = .init(),
        clock: any Clock<Duration> = ContinuousClock(),
        transport: LocalEngine.Transport = .loopback(port: 0),
        _ change: (inout RivetConfiguration) throws -> Void = { _ in },
        _ body: (Setting) async throws -> R
    ) async throws -> R {
        let test = ProbeEngine()
        var result: R?
        try await withEngine(clock: ContinuousClock(), transport: transport, limits: limits) { registry in
            registry.actor(ProbeActor.self, state: 0) { ProbeActor.define(&$0, test.log, test.gates) }
        } _: { engine in
            var configuration = try RivetConfiguration(endpoint: engine.endpoint)
            configuration.reconnect = ReconnectPolicy(first: .milliseconds(1))
            try change(&configuration)
            let client = RivetClient(configuration, clock: clock, transport: engine.transport)
            result = try await scoped(closing: { await client.close(within: .zero) }) {
                try await body(Setting(client: client, engine: engine, gates: test.gates, log: test.log))
            }
            #expect(client.context.gauge.counts == .zero)
        }
        return try #require(result)
    }

    /// "works", or the code of the error and whose fault it is.
    static func outcome(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "works"
        } catch let error as RivetError {
            return "\(error.code.name), \(error.fault), \(error.execution)"
        } catch {
            return "\(error)"
        }
    }

    // MARK: Arguments of calls

    struct Call: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let use: @Sendable (Setting, Duration) async throws -> Void

        init(_ name: String, _ use: @escaping @Sendable (Setting, Duration) async throws -> Void) {
            (testDescription, self.use) = (name, use)
        }
    }

    static let calls = [
        Call("timeout of an action over HTTP") { setting, time in
            _ = try await setting.probe.send(ProbeActor.Add(amount: 1), .init(timeout: time))
        },
        Call("timeout of an action by name") { setting, time in
            _ = try await setting.probe.action("add", 1, as: Int.self, options: .init(timeout: time))
        },
        Call("timeout of an action of a connection") { setting, time in
            try await setting.probe.withConnection { connection in
                _ = try await connection.send(ProbeActor.Add(amount: 1), .init(timeout: time))
            }
        },
        Call("timeout of an action of a connection, by name") { setting, time in
            try await setting.probe.withConnection { connection in
                _ = try await connection.action("add", 1, options: .init(timeout: time))
            }
        },
        Call("timeout of enqueue") { setting, time in
            try await setting.probe.enqueue(ProbeActor.Job(name: "a"), .init(timeout: time))
        },
        Call("timeout of enqueueAndWait") { setting, time in
            let outcome = try await setting.probe.enqueueAndWait(ProbeActor.Job(name: "a"), timeout: time)
            guard case .completed("did a") = outcome else { throw ProbeActor.Mistake() }
        },
        Call("timeout in the options of enqueueAndWait") { setting, time in
            _ = try await setting.probe.enqueueAndWait(
                ProbeActor.Job(name: "a"),
                timeout: .seconds(10),
                .init(timeout: time)
            )
        },
        Call("timeout of fetch") { setting, time in
            _ = try await setting.probe.fetch(ActorRequest("x"), .init(timeout: time)).body.collect()
        },
        Call("timeout of webSocket") { setting, time in
            try await setting.probe.withWebSocket("x", .init(timeout: time)) { _ in }
        },
    ]

    @Test(
        "B267, B298: a call's huge time-out is none, and one that is not positive is an invalid argument",
        arguments: calls
    )
    func callArguments(_ call: Call) async throws {
        try await Self.run { setting in
            for time in Self.huge {
                let outcome = await Self.outcome { try await call.use(setting, time) }
                #expect(outcome == "works", "\(time)")
            }
            for time in [.zero] + Self.negative {
                let outcome = await Self.outcome { try await call.use(setting, time) }
                #expect(outcome == "invalidArgument, caller, notSent", "\(time)")
            }
        }
    }

    @Test(
        "B176, B298: the wait of enqueueAndWait in milliseconds",
        arguments: [
            (Duration.nanoseconds(1), 1 as UInt64?), (.milliseconds(1), 1), (.microseconds(1_001), 2),
            (.seconds(60), 60_000), (.seconds(3_155_759_999), 3_155_759_999_000), (.longest, nil),
            (.seconds(Int64.max), nil),
        ]
    )
    func queueMilliseconds(_ wait: Duration, _ milliseconds: UInt64?) throws {
        #expect(HandleCore.milliseconds(waiting: wait) == milliseconds)
    }

    // MARK: Settings

    struct Option: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var zero = "invalidConfiguration, caller, notSent"
        let set: @Sendable (inout RivetConfiguration, Duration) -> Void

        init(
            _ name: String,
            zero: String? = nil,
            _ set: @escaping @Sendable (inout RivetConfiguration, Duration) -> Void
        ) {
            (testDescription, self.set) = (name, set)
            if let zero { self.zero = zero }
        }
    }

    static let options = [
        Option("callTimeout") { $0.callTimeout = $1 },
        Option("openTimeout") { $0.openTimeout = $1 },
        Option("connectTimeout") { $0.connectTimeout = $1 },
        Option("keepAlive.interval") { $0.keepAlive = KeepAlive(interval: $1) },
        Option("keepAlive.timeout") { $0.keepAlive = KeepAlive(interval: .milliseconds(1), timeout: $1) },
        Option("reconnect.first", zero: "works") { $0.reconnect.first = $1 },
        Option("reconnect.cap", zero: "works") { $0.reconnect.cap = $1 },
        Option("reconnect.first and .cap", zero: "works") { ($0.reconnect.first, $0.reconnect.cap) = ($1, $1) },
        Option("reconnect.stableAfter", zero: "works") { $0.reconnect.stableAfter = $1 },
        // An outage that may not last: the loss is the end.
        Option("reconnect.maxElapsed", zero: "connectionLost, network, notSent") { configuration, time in
            configuration.reconnect = ReconnectPolicy(first: time == .zero ? .seconds(1) : .zero, maxElapsed: time)
        },
    ]

    /// A connection that is lost once and comes back.
    static func loseAndComeBack(_ setting: Setting) async throws {
        let connection = setting.probe.connect()
        var wasConnected = false
        for await status in connection.status {
            switch status {
            case .connected(let info) where info.connectionNumber == 1:
                wasConnected = true
                try await connection.send(ProbeActor.Add(amount: 1))
                await setting.engine.faults.cutAllConnections()
            case .connected:
                await connection.disconnect()
                return
            case .waiting where wasConnected:
                connection.reconnectNow()
            case .closed(.failed(let error)):
                throw error
            default:
                break
            }
        }
    }

    @Test("B267, B298: each time in the configuration, and of its reconnect policy", arguments: options)
    func settings(_ option: Option) async throws {
        let uses: [@Sendable (Setting) async throws -> Void] = [
            { _ = try await $0.probe.send(ProbeActor.Add(amount: 1)) },
            { try await $0.probe.enqueue(ProbeActor.Job(name: "a")) },
            { _ = try await $0.probe.fetch(ActorRequest("x")).body.collect() },
            { try await $0.probe.withWebSocket("x") { _ in } },
            { _ = try await $0.probe.resolve() },
            { _ = try await $0.probe.gatewayURL() },
            { _ = try await $0.client.create(ProbeActor.self, ["new"]) },
        ]
        for time in Self.huge {
            let outcomes = try await Self.run({ option.set(&$0, time) }) { setting in
                var outcomes: [String] = []
                for use in uses + [Self.loseAndComeBack] {
                    outcomes.append(await Self.outcome { try await use(setting) })
                }
                return outcomes
            }
            #expect(outcomes == Array(repeating: "works", count: 8), "\(time)")
        }
        for time in [.zero] + Self.negative {
            let expected = time == .zero ? option.zero : "invalidConfiguration, caller, notSent"
            let isValid = expected != "invalidConfiguration, caller, notSent"
            let outcomes = try await Self.run({ option.set(&$0, time) }) { setting in
                var outcomes: [String] = []
                for use in uses { outcomes.append(await Self.outcome { try await use(setting) }) }
                return outcomes + [await Self.outcome { try await Self.loseAndComeBack(setting) }]
            }
            #expect(outcomes == Array(repeating: isValid ? "works" : expected, count: 7) + [expected], "\(time)")
            var configuration = try RivetConfiguration(endpoint: "http://engine.test")
            option.set(&configuration, time)
            let configured = configuration
            let validated = await Self.outcome { try configured.validate() }
            #expect(validated == (isValid ? "works" : expected), "\(time)")
        }
    }

    @Test(
        "B267: a connection's own policy out of its range is an invalid argument, whatever it decides",
        arguments: [
            ReconnectPolicy(first: .seconds(-1)), ReconnectPolicy(cap: .nanoseconds(Int64.min)),
            ReconnectPolicy(stableAfter: .seconds(-1)), ReconnectPolicy(maxElapsed: .seconds(-1)),
            ReconnectPolicy(maxAttempts: 0), ReconnectPolicy(maxAttempts: .min),
            ReconnectPolicy(first: .seconds(-1), decide: { _, _ in .retry(after: .zero) }),
        ]
    )
    func ownPolicy(_ policy: ReconnectPolicy) async throws {
        try await Self.run { setting in
            let connection = setting.probe.connect(ConnectOptions(reconnect: policy))
            let outcome = await Self.outcome { try await connection.waitUntilConnected() }
            #expect(outcome == "invalidArgument, caller, notSent")
            let action = await Self.outcome { try await connection.send(ProbeActor.Add(amount: 1)) }
            #expect(action == outcome)
        }
    }

    @Test(
        "B298: retry(after:) of any length",
        arguments: [
            (Duration.seconds(Int64.max), Duration.longest), (.seconds(Int64.max) * 18, .longest), (.longest, .longest),
            (.seconds(1), .seconds(1)), (.zero, .zero), (.seconds(-1), .zero), (.nanoseconds(Int64.min), .zero),
            (.seconds(Int64.min) * 18, .zero),
        ]
    )
    func retryAfter(_ wait: Duration, _ expected: Duration) async throws {
        try await Self.run({ $0.reconnect = ReconnectPolicy(decide: { _, _ in .retry(after: wait) }) }) { setting in
            let connection = setting.probe.connect()
            try await connection.waitUntilConnected()
            var statuses = connection.status.makeAsyncIterator()
            await setting.engine.faults.cutAllConnections()
            while let status = await statuses.next() {
                if case .waiting(let state) = status {
                    #expect(state.delay == expected)
                    connection.reconnectNow()
                }
                if case .connected(let info) = status, info.connectionNumber == 2 { break }
            }
            await connection.disconnect()
        }
    }

    @Test("B298: waits that double up to a huge bound", arguments: huge)
    func backoff(_ bound: Duration) {
        var backoff = ReconnectBackoff(policy: ReconnectPolicy(first: bound, cap: bound), now: TimePoint(.zero))
        for _ in 0..<200 {
            backoff.attemptStarted()
            guard
                case .wait(.longest) = backoff.next(
                    after: ReconnectBackoffTests.ending,
                    now: TimePoint(.zero),
                    random: 1
                )
            else {
                Issue.record("it gave up, or waits otherwise")
                return
            }
        }
    }

    // MARK: The end

    @Test("B298: close(within:) without a bound lets a call end; with none or less it fails at once")
    func closing() async throws {
        for grace in Self.huge {
            try await Self.run { setting in
                let calling = Task { try await setting.probe.send(ProbeActor.Wait(gate: "g")) }
                try await until { setting.log.all.contains("start g") }
                async let closing: Void = setting.client.close(within: grace)
                setting.gates["g"].set()
                await closing
                let answer = try await calling.value
                #expect(answer == "g")
            }
        }
        for grace in [.zero] + Self.negative {
            try await Self.run { setting in
                let calling = Task { try await setting.probe.send(ProbeActor.Wait(gate: "g")) }
                try await until { setting.log.all.contains("start g") }
                await setting.client.close(within: grace)
                let error = await #expect(throws: RivetError.self) { try await calling.value }
                #expect(error?.code == .clientClosed)
                setting.gates["g"].set()
            }
        }
    }

    // MARK: The local engine and its clock

    @Test(
        "B298: the limits of a local engine",
        arguments: [
            { (limits: inout LocalEngine.Limits, time: Duration) in limits.actionTimeout = time },
            { (limits: inout LocalEngine.Limits, time: Duration) in limits.hookTimeout = time },
            { (limits: inout LocalEngine.Limits, time: Duration) in limits.readyTimeout = time },
            { (limits: inout LocalEngine.Limits, time: Duration) in limits.idleBeforeSleep = time },
            { (limits: inout LocalEngine.Limits, time: Duration) in limits.grace = time },
        ] as [@Sendable (inout LocalEngine.Limits, Duration) -> Void]
    )
    func limits(_ set: @Sendable (inout LocalEngine.Limits, Duration) -> Void) async throws {
        for time in Self.huge {
            var limits = LocalEngine.Limits()
            set(&limits, time)
            try await Self.run(limits: limits) { setting in
                try await setting.probe.send(ProbeActor.Add(amount: 1))
                try await setting.probe.send(ProbeActor.Sleep())
                let total = try await setting.probe.withConnection { try await $0.send(ProbeActor.Add(amount: 1)) }
                #expect(total == 2)
            }
        }
    }

    @Test("B298: schedule(after:) and a fault's delay of any length")
    func engineDelays() async throws {
        let clock = TestClock()
        try await Self.run(clock: clock) { setting in
            try await setting.probe.send(ProbeActor.Later(seconds: .max))
            try await setting.probe.send(ProbeActor.Later(seconds: .min))
            try await until { setting.log.all.contains("state 10") }
            setting.engine.faults.inject(.delay(.nanoseconds(Int64.min)), at: .request)
            let probe = setting.probe
            let total = try await probe.send(ProbeActor.Add(amount: 1))
            #expect(total == 11)
            setting.engine.faults.inject(.delay(.seconds(Int64.max)), at: .request)
            let calling = Task {
                await Self.outcome {
                    _ = try await probe.send(ProbeActor.Add(amount: 1), .init(timeout: .milliseconds(200)))
                }
            }
            // It has run, and only its answer is delayed.
            try await until { setting.log.all.contains("state 12") }
            await clock.advance(by: .milliseconds(200))
            let outcome = await calling.value
            #expect(outcome == "deadlineExceeded, network, mayHaveRun")
        }
    }

    @Test("B298: a test's clock is moved by any duration")
    func testClock() async {
        let clock = TestClock()
        let start = clock.now
        for time in Self.huge + Self.huge {
            await clock.advance(by: time)
            #expect(start.duration(to: clock.now) == .longest)
            #expect(start.advanced(by: time) == clock.now)
        }
        for time in Self.negative {
            await clock.advance(by: time)
            #expect(start.duration(to: clock.now) == .longest)
            #expect(start.advanced(by: time) < start)
        }
    }
}

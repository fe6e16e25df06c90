// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

@testable import RivetAsync

enum LocalCounter: ActorDefinition {
    static var actorName: String { "counter" }

    struct Increment: ActorAction {
        typealias Target = LocalCounter
        typealias Output = Int
        static var argumentStyle: ArgumentStyle { .positional }
        var amount: Int
    }

    struct GetCount: ActorAction {
        typealias Target = LocalCounter
        typealias Output = Int
    }

    struct NewCount: ActorEvent {
        typealias Source = LocalCounter
        static var argumentStyle: ArgumentStyle { .positional }
        var count: Int
    }

    /// The counter of the protocol's transcript.
    static func define(_ counter: inout ActorKind<LocalCounter, Int>) {
        counter.on(Increment.self) { increment, actor in
            actor.state += increment.amount
            actor.broadcast(NewCount(count: actor.state))
            return actor.state
        }
        counter.on(GetCount.self) { _, actor in actor.state }
    }
}

/// Runs `body` with an engine, stops it, and checks that nothing is left behind.
///
/// Its time stands still, so that no limit of the engine runs out on a busy machine.
func withEngine(
    clock: any Clock<Duration> = TestClock(),
    transport: LocalEngine.Transport = .memory,
    limits: LocalEngine.Limits = .init(),
    authentication: LocalEngine.Authentication = .none,
    settings: LocalEngine.Settings = .init(),
    _ define: (inout LocalEngine.Registry) -> Void,
    _ body: (LocalEngine) async throws -> Void
) async throws {
    let engine = try await LocalEngine.start(
        clock: clock,
        transport: transport,
        limits: limits,
        authentication: authentication,
        settings: settings,
        define
    )
    try await scoped(closing: { await engine.stop() }) { try await body(engine) }
    let left = engine.gauge.counts
    if left != .zero { throw Leak(left: left) }
}

extension LocalEngine.Limits {
    /// Those of an engine on which nothing is late, however far the time of a test runs ahead of what it waits for.
    static var unhurried: Self {
        var limits = Self()
        let forever = Duration.seconds(1 << 40)
        (limits.readyTimeout, limits.idleBeforeSleep) = (forever, forever)
        (limits.actionTimeout, limits.hookTimeout) = (forever, forever)
        return limits
    }
}

struct Leak: Error {
    let left: ResourceGauge.Counts
}

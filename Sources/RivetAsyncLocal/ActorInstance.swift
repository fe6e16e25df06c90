// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

/// One live actor: isolated like any Swift actor, so handlers interleave only at `await`, and answers come in any order.
///
/// Handlers of one connection start in the order of its messages. The instance lives from the actor's creation to its
/// destruction: its state outlasts sleep. Its methods do nothing once the actor is destroyed.
public actor ActorInstance<Definition: ActorDefinition, State: Sendable> {
    /// What the actor remembers.
    public var state: State

    private let hosted: HostedActor

    init(hosted: HostedActor, state: State) {
        self.hosted = hosted
        self.state = state
    }

    /// The actor's own lane, shared with what hosts it: both are isolated together.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe hosted.unownedExecutor }

    /// The actor's id.
    public nonisolated var id: ActorID { hosted.id }

    /// The key it was created with; empty where it has none.
    public nonisolated var key: ActorKey { hosted.key }

    /// How often the actor was started, from 1.
    public var generation: Int { hosted.assumeIsolated { $0.generation } }

    /// Sends `event` to every connection that is subscribed to it, in order with everything else sent there.
    public func broadcast<E: ActorEvent>(_ event: E) where E.Source == Definition {
        hosted.assumeIsolated { $0.broadcast(OutgoingEvent(event)) }
    }

    /// The connections that are open now, HTTP requests under way among them, in the order in which they came.
    public var connections: [LocalConnection<Definition>] {
        hosted.assumeIsolated { $0.visibleConnections }.map { LocalConnection(hosted: $0) }
    }

    /// Calls the actor's own action once, `delay` from now, at once where that is zero or less; wakes the actor for it.
    ///
    /// Its output and errors go nowhere.
    public func schedule<A: ActorAction>(_ action: A, after delay: Duration) where A.Target == Definition {
        hosted.assumeIsolated { $0.schedule(ScheduledAction(action), after: delay) }
    }

    /// Falls asleep when the work under way is done, at the end of the grace time at the latest.
    public func sleep() {
        hosted.assumeIsolated { $0.beginSleep() }
    }

    /// Destroys the actor for good: no further request reaches it, those under way may finish within the grace time,
    /// and then every connection is closed.
    public func destroy() {
        hosted.assumeIsolated { $0.beginDestroy() }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// A snapshot of an actor's state, then the events behind it, and a new snapshot wherever events may be missing: what
/// ``EventSequence/resyncing(_:)`` makes.
///
/// **Order.** Subscribed before the snapshot is loaded, so that nothing falls between where the load is an action on
/// the same connection; over HTTP it may overtake the subscription. First comes ``StateChange/snapshot(_:)``, then each
/// event from the subscription on, in the actor's order. An event may already be part of the snapshot in front of it,
/// so what is done with one must be right for a state that has it.
///
/// **Gaps.** Where events may be missing (the connection was lost and is back, the buffer was full, or an event did not
/// decode), what came before is read first; then the snapshot is loaded again, and comes before the events behind the gap.
/// Several gaps that came before a load are one. Where one load after the other is followed by an event that does not
/// decode, as of an actor that has changed its shape, they come with pauses as ``ReconnectPolicy`` makes them.
///
/// **Load.** It runs in `next()`, while the connection is open; nothing runs while nobody reads, and never two loads at
/// once. Events that come meanwhile wait in the sequence's own buffer. When they are more than it holds, the result is
/// thrown away and the load runs again, with pauses as ``ReconnectPolicy`` makes them and a warning in
/// ``RivetClient/diagnostics``. Under ``EventBuffering/Overflow/suspendReading`` reading goes on during a load, since its
/// answer may have to come that way. Under ``EventBuffering/Overflow/finish`` an overflow ends the sequence.
///
/// **Errors.** A load is tried again when it failed with a ``RivetError`` that leaves the connection open and is not the
/// calling program's own mistake, or that passes (``RivetError/isTransient``), with the same pauses; when the connection
/// was lost, as soon as it is open again. With any other error, one of your own among them, the sequence ends and throws
/// it. It throws, too, when the connection failed for good, and ``RivetError/Code/eventBufferOverflowed``.
///
/// **End.** It ends with nil after ``ActorConnection/disconnect()`` and when its task is cancelled. The load that runs
/// then is cancelled and not waited for; a result that comes later is dropped. The subscription ends with the loop.
///
/// It is for one loop; a second iterator subscribes and loads anew. Whoever reads a copy of an iterator while another
/// task does gets ``RivetError/Code/invalidArgument``.
public struct ResyncedEvents<Snapshot: Sendable, Event: Sendable>: AsyncSequence, Sendable {
    let subscription: EventSubscription
    let decode: @Sendable (EncodedValue) throws -> Event
    let load: @Sendable () async throws -> Snapshot

    /// One listener's loop.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: ResyncReader<Snapshot, Event>

        init(_ reader: ResyncReader<Snapshot, Event>) { self.reader = reader }

        /// The next snapshot or event; nil when the connection was closed by us or the task is cancelled.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async throws
            -> StateChange<Snapshot, Event>?
        {
            try await reader.next()
        }
    }

    /// Takes the subscription; from the second time on, subscribes anew.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(ResyncReader(self)) }
}

/// An element of ``ResyncedEvents``: the whole state, or what changed it.
public enum StateChange<Snapshot: Sendable, Event: Sendable>: Sendable {
    /// What the load returned; it takes the place of all that was known before.
    case snapshot(Snapshot)
    /// An event, which may already be part of the snapshot before it.
    case event(Event)
}

extension EventSequence {
    /// A snapshot first, then the events behind it; after each gap again.
    ///
    /// ```swift
    /// for try await change in conn.events(of: NewCount.self).resyncing({ try await conn.send(Increment(amount: 0)) }) {
    ///     switch change {
    ///     case .snapshot(let count): print("it is", count)
    ///     case .event(let event): print("it became", event.count)
    ///     }
    /// }
    /// ```
    ///
    /// - Parameter load: asks for the whole state, by an action on the same connection; a load over HTTP may overtake the
    ///   subscription, and events between the two are lost. It runs in a task of its own with the reader's task-locals,
    ///   which is cancelled with the reader.
    /// - Returns: the snapshots and events, for one loop; see ``ResyncedEvents`` for gaps, errors and the end.
    public func resyncing<Snapshot: Sendable>(
        _ load: @escaping @Sendable () async throws -> Snapshot
    ) -> ResyncedEvents<Snapshot, Event> {
        ResyncedEvents(subscription: subscription, decode: { try decodeEvent(Event.self, $0) }, load: load)
    }
}

extension NamedEventSequence {
    /// A snapshot first, then the events behind it; see ``EventSequence/resyncing(_:)``.
    public func resyncing<Snapshot: Sendable>(
        _ load: @escaping @Sendable () async throws -> Snapshot
    ) -> ResyncedEvents<Snapshot, Value> {
        ResyncedEvents(subscription: subscription, decode: decode, load: load)
    }
}

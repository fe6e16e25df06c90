// SPDX-License-Identifier: Apache-2.0

/// The events of one type on one connection.
///
/// **Lifetime.** Subscribed when it is made, so what arrives before the first `next()` is buffered. It is for one loop; a
/// second iterator subscribes anew. Copies of an iterator share its subscription: what comes goes to the one that has waited
/// longest. It keeps its connection alive, and unsubscribes when its loop has ended (by `break`,
/// error, cancellation or the end of the connection) or, never iterated, when it is released. It outlives reconnects.
///
/// **Order.** As the actor sent them; every listener of the name gets each event once.
///
/// **End.** It never throws: it ends with nil when the connection is closed, and the reason is in
/// ``ActorConnection/status``. Gaps and events that do not decode are passed over here and seen in ``deliveries``.
///
/// **Limits.** See ``EventBuffering``.
public struct EventSequence<Event: ActorEvent>: AsyncSequence, Sendable {
    let subscription: EventSubscription

    /// One listener's loop.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var cursor: EventCursor

        init(_ reader: EventReader) { cursor = EventCursor(reader) }

        /// The next event; nil when the connection is closed or the task is cancelled.
        @inlinable @inline(__always)
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async -> Event? {
            repeat {
                if let event = nextHere() { return event }
            } while await fill()
            return nil
        }

        @inlinable @inline(__always)
        mutating func nextHere() -> Event? {
            unsafe withUnsafeTemporaryAllocation(of: Event.self, capacity: 1) { place in
                unsafe takeHere(into: place) ? place.moveElement(from: 0) : nil
            }
        }

        @usableFromInline mutating func takeHere(into place: UnsafeMutableBufferPointer<Event>) -> Bool {
            unsafe cursor.takeValueHere(into: place) { try decodeEvent(Event.self, $0) }
        }

        @usableFromInline mutating func fill() async -> Bool { await cursor.fill() }
    }

    /// Takes the subscription; from the second time on, subscribes anew.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription.claim()) }

    /// The same events with gaps as elements; throws where the plain loop only ends.
    public var deliveries: EventDeliveries<Event> {
        EventDeliveries(subscription: subscription) { try decodeEvent(Event.self, $0) }
    }
}

/// The events of one name, for handles and events without declared types.
///
/// Behaves as ``EventSequence``.
public struct NamedEventSequence<Value: Sendable>: AsyncSequence, Sendable {
    let subscription: EventSubscription
    let decode: @Sendable (EncodedValue) throws -> Value

    /// One listener's loop.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var cursor: EventCursor
        private let decode: @Sendable (EncodedValue) throws -> Value

        init(_ reader: EventReader, _ decode: @escaping @Sendable (EncodedValue) throws -> Value) {
            cursor = EventCursor(reader)
            self.decode = decode
        }

        /// The next event's arguments; nil when the connection is closed or the task is cancelled.
        @inlinable @inline(__always)
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async -> Value? {
            repeat {
                if let value = nextHere() { return value }
            } while await fill()
            return nil
        }

        @inlinable @inline(__always)
        mutating func nextHere() -> Value? {
            unsafe withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { place in
                unsafe takeHere(into: place) ? place.moveElement(from: 0) : nil
            }
        }

        @usableFromInline mutating func takeHere(into place: UnsafeMutableBufferPointer<Value>) -> Bool {
            unsafe cursor.takeValueHere(into: place, decode)
        }

        @usableFromInline mutating func fill() async -> Bool { await cursor.fill() }
    }

    /// Takes the subscription; from the second time on, subscribes anew.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription.claim(), decode) }

    /// The same events with gaps as elements; throws where the plain loop only ends.
    public var deliveries: EventDeliveries<Value> { EventDeliveries(subscription: subscription, decode: decode) }
}

/// Events with their gaps: what ``EventSequence/deliveries`` is.
///
/// It ends with nil after ``ActorConnection/disconnect()``, and throws a ``RivetError`` when the connection failed for
/// good, or ``RivetError/Code/eventBufferOverflowed`` when its buffer overflowed under ``EventBuffering/Overflow/finish``.
/// A cancelled task ends its loop with nil. Whoever reads a copy of an iterator while another task waits gets
/// ``RivetError/Code/invalidArgument``, and that task waits on.
public struct EventDeliveries<Event: Sendable>: AsyncSequence, Sendable {
    let subscription: EventSubscription
    let decode: @Sendable (EncodedValue) throws -> Event

    /// One listener's loop.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var cursor: EventCursor
        private let decode: @Sendable (EncodedValue) throws -> Event

        init(_ reader: EventReader, _ decode: @escaping @Sendable (EncodedValue) throws -> Event) {
            cursor = EventCursor(reader)
            self.decode = decode
        }

        /// The next event or gap; nil when the connection was closed by us or the task is cancelled.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async throws
            -> EventDelivery<Event>?
        {
            switch await cursor.next() {
            case .gap(let gap):
                return .gap(gap)
            case .event(let value):
                do {
                    return .event(try decode(value))
                } catch {
                    return .gap(.undecodable(.undecodableEvent(Event.self, error)))
                }
            case nil:
                if let failure = cursor.takeFailure() { throw failure }
                return nil
            }
        }
    }

    /// Takes the subscription; from the second time on, subscribes anew.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription.claim(), decode) }
}

func decodeEvent<Event: ActorEvent>(_: Event.Type, _ value: EncodedValue) throws -> Event {
    switch Event.argumentStyle {
    case .object: try value.format.decodeArgument(Event.self, from: value.bytes)
    case .positional: try value.format.decodePositionalArguments(Event.self, from: value.bytes)
    }
}

extension RivetError {
    fileprivate static func undecodableEvent(_ type: Any.Type, _ error: any Error) -> RivetError {
        let question = (type as? any ActorEvent.Type)?.argumentStyle.question ?? ""
        return RivetError(
            .decodingFailed,
            "an event did not decode as \(type): \(error)\(question)",
            fault: .caller,
            execution: .ran,
            underlying: error
        )
    }
}

/// An element of `deliveries`: an event, or a place where some may be missing.
public enum EventDelivery<Event: Sendable>: Sendable {
    /// An event, in the order in which the actor sent it.
    case event(Event)
    /// Events may be missing between the one before and the one after.
    case gap(EventGap)
}

/// Why events may be missing.
///
/// New cases may come: a `switch` needs a `default`.
@nonexhaustive public enum EventGap: Sendable {
    /// The connection was lost and is back; Rivet does not send again what happened in between.
    ///
    /// It may be the first one that opened, where a socket before it brought events and was lost without opening.
    case reconnected(ConnectionInfo)
    /// The reader was too slow, and this many events were dropped.
    case overflowed(dropped: Int)
    /// One event did not decode as the type asked for; the next ones are not affected.
    case undecodable(RivetError)
}

/// How many events a sequence keeps for a reader that is slower than the actor, and what happens to the next one.
///
/// The default keeps 256 events and at most 4 MiB, and drops the oldest with a gap in
/// ``EventSequence/deliveries``.
public struct EventBuffering: Sendable {
    /// What happens when the buffer is full.
    public enum Overflow: Sendable {
        /// The oldest event goes; a gap tells how many went.
        case dropOldest
        /// The new event goes; a gap tells how many went.
        case dropNewest
        /// The sequence ends; its `deliveries` throw ``RivetError/Code/eventBufferOverflowed``.
        case finish
        /// The socket is not read until there is room. This also holds up answers to actions and every other sequence of
        /// the connection, and pauses its keep-alive: a choice for one reader that must see everything. A socket that opens
        /// is read as far as the actor's `Init` all the same, with up to 256 events or 1 MiB ahead of it.
        case suspendReading
    }

    let capacity: Int
    let maxBytes: Int
    let overflow: Overflow

    /// At most `capacity` events (at least 1) and `maxBytes` bytes of them (4 MiB by default), then `overflow`.
    public static func bounded(_ capacity: Int, maxBytes: Int = 4 << 20, _ overflow: Overflow) -> Self {
        Self(capacity: max(capacity, 1), maxBytes: max(maxBytes, 1), overflow: overflow)
    }

    /// 256 events, 4 MiB, drop the oldest.
    public static var `default`: Self { .bounded(256, .dropOldest) }
}

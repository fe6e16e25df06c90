// SPDX-License-Identifier: Apache-2.0

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
    case reconnected(ConnectionInfo)
    /// The reader was too slow, and this many events were dropped.
    case overflowed(dropped: Int)
    /// One event did not decode as the type asked for; the next ones are not affected.
    case undecodable(RivetError)
}

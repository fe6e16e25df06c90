// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What a connection has done so far, over all its reconnects.
///
/// Counts only rise. `opened` is `lost`, and one more while the connection is open. Every action that was sent is
/// answered, failed, or waits for its answer.
public struct ConnectionStatistics: Sendable, Hashable {
    /// How long the last ping took there and back; nil before the first.
    ///
    /// Pings are those of ``RivetConfiguration/keepAlive``. They end at the gateway, so an actor may answer later.
    public var roundTrip: Duration?
    /// How often it was opened: the actor's `Init` came.
    public var opened = 0
    /// How often that ended, for whatever reason, `disconnect()` and `pause()` included.
    public var lost = 0
    /// How many attempts ended before they had opened it.
    public var failedAttempts = 0
    /// Actions of which the message was sent, however often.
    public var actionsSent = 0
    /// Of these, those that the actor answered, with its output.
    public var actionsAnswered = 0
    /// Of these, those that ended otherwise: by an error of the actor's, a loss, a time-out or a cancellation.
    public var actionsFailed = 0
    /// Events that came, whether anybody listens to them or not, and also those that were lost with a socket which never
    /// opened (``EventGap/reconnected(_:)``).
    public var eventsReceived = 0
    /// Events that readers took from their buffers: each counts for each of its listeners.
    public var eventsDelivered = 0
    /// Events that a full buffer had no room for, for each of its listeners.
    public var eventsDropped = 0
    /// Events among the delivered ones that a plain loop passed over, since they did not decode.
    public var eventsUndecodable = 0
    /// Bytes of the WebSocket, without its opening handshake and without what TLS adds.
    public var bytesSent = 0
    /// As `bytesSent`, the other way.
    public var bytesReceived = 0
}

/// The same while it is counted, and read from anywhere: each number by itself, none behind a lock.
final class ConnectionTally: Sendable {
    /// In nanoseconds; negative before the first.
    private let roundTrip = Atomic<Int64>(-1)
    let events = EventTally()
    private let opened = Atomic<Int>(0)
    private let lost = Atomic<Int>(0)
    private let failedAttempts = Atomic<Int>(0)
    private let actionsSent = Atomic<Int>(0)
    private let actionsAnswered = Atomic<Int>(0)
    private let actionsFailed = Atomic<Int>(0)
    private let bytesSent = Atomic<Int>(0)
    private let bytesReceived = Atomic<Int>(0)

    // What is part of something else is counted after it, and read before it, so that no sum is ever too large.

    func noteOpening() { opened.add(1, ordering: .relaxed) }
    func noteLoss() { lost.add(1, ordering: .releasing) }
    func noteFailedAttempt() { failedAttempts.add(1, ordering: .relaxed) }

    func note(sent: Int, answered: Int, failed: Int) {
        actionsSent.store(sent, ordering: .relaxed)
        actionsAnswered.store(answered, ordering: .releasing)
        actionsFailed.store(failed, ordering: .releasing)
    }

    func noteBytes(sent: Int, received: Int) {
        bytesSent.add(sent, ordering: .relaxed)
        bytesReceived.add(received, ordering: .relaxed)
    }

    func pongTook(_ duration: Duration) {
        let (seconds, attoseconds) = duration.withinReach.components
        roundTrip.store(max(seconds * 1_000_000_000 + attoseconds / 1_000_000_000, 0), ordering: .relaxed)
    }

    var statistics: ConnectionStatistics {
        let roundTrip = roundTrip.load(ordering: .relaxed)
        var result = ConnectionStatistics(roundTrip: roundTrip < 0 ? nil : .nanoseconds(roundTrip))
        result.lost = lost.load(ordering: .acquiring)
        result.opened = opened.load(ordering: .acquiring)
        result.failedAttempts = failedAttempts.load(ordering: .relaxed)
        result.actionsAnswered = actionsAnswered.load(ordering: .acquiring)
        result.actionsFailed = actionsFailed.load(ordering: .acquiring)
        result.actionsSent = actionsSent.load(ordering: .relaxed)
        (result.eventsReceived, result.eventsDelivered, result.eventsDropped, result.eventsUndecodable) = events.counts
        result.bytesSent = bytesSent.load(ordering: .relaxed)
        result.bytesReceived = bytesReceived.load(ordering: .relaxed)
        return result
    }
}

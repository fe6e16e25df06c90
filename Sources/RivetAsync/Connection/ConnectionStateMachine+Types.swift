// SPDX-License-Identifier: Apache-2.0

extension ConnectionStateMachine {
    enum Action: Sendable {
        case report(ConnectionStatus)
        /// Look up, ask for parameters, open a socket; `attemptEnded` follows in any case, when its socket has ended too.
        case beginAttempt
        /// The attempt under way is over, whatever it waits for, with this.
        case endAttempt(AttemptEnding)
        case sendSubscription(name: String, subscribe: Bool)
        /// A message that changes nothing and carries the engine's delayed acknowledgement along (PROTOCOL h11).
        case sendNudge
        case sendAction(PendingActions<Waiter>.Entry)
        case succeed(Waiter, EncodedValue)
        case fail(Waiter, any Error)
        /// Nobody waits for it.
        case dropAnswer(id: UInt64)
        /// Put a gap into every feed: events may have been missed.
        case markReconnected(ConnectionInfo)
        case sendPing(id: UInt32)
        /// No pong came: end the socket without a word.
        case failSocket(silentFor: Duration)
        case suspendReading
        case resumeReading
        /// Begin the closing handshake with code 1000.
        case closeSocket
        case endFeeds(RivetError?)
        /// Nothing follows.
        case finish
    }

    /// What the driver's socket can do now.
    struct Link: Sendable {
        /// It is open, and not more is pending on it than should be.
        let canTakeMore: Bool
        /// How many bytes were written to it.
        let position: UInt64

        static var none: Link { Link(canTakeMore: false, position: 0) }
    }

    enum State: Sendable {
        case idle
        /// An attempt is under way and its socket is not open yet.
        case connecting
        /// The 101 has come and the subscriptions have left; the actor's `Init` has not come.
        case upgraded
        case open(ConnectionInfo, since: TimePoint)
        case waiting
        /// `pause` was called; what is left to do is IO.
        case pausing
        case paused
        /// `disconnect` was called; what is left to do is IO.
        case closing
        case closed(CloseReason)
    }

    enum Timer: CaseIterable, Sendable {
        /// The attempt has not come as far as `Init`.
        case open
        /// The wait before the next attempt is over.
        case retry
        /// The peer announced the end with an error, and has not closed (B142).
        case close
        /// A lone action has no answer yet (B226).
        case nudge
        /// The next ping, or the end of the time for its pong (B145).
        case keepAlive
    }

    /// How many actions were sent, and how those ended.
    struct Counts: Equatable, Sendable {
        var sent = 0
        var answered = 0
        var failed = 0
    }
}

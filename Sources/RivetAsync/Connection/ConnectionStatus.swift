// SPDX-License-Identifier: Apache-2.0

/// Where a connection is in its life.
///
/// New cases may come: a `switch` needs a `default`.
@nonexhaustive public enum ConnectionStatus: Sendable {
    /// The attempt with this number of the current outage (1, 2, …) is under way.
    ///
    /// An outage is over when a connection has been open for ``ReconnectPolicy/stableAfter``.
    case connecting(attempt: Int)
    /// The actor's `Init` has arrived.
    case connected(ConnectionInfo)
    /// Lost or refused; the next attempt follows after the delay.
    case waiting(RetryState)
    /// At rest, without a socket, until `resume()`: ``ActorConnection/pause()`` was called.
    case paused
    /// Over for good; the last status.
    case closed(CloseReason)
}

/// A wait between two attempts.
public struct RetryState: Sendable {
    /// The number of the attempt that follows.
    public let attempt: Int
    /// How long the wait is in all.
    public let delay: Duration
    /// Why the last attempt failed, or how the connection was lost.
    public let cause: RivetError
}

/// Why a connection is over.
///
/// New cases may come: a `switch` needs a `default`.
@nonexhaustive public enum CloseReason: Sendable {
    /// We asked for it: `disconnect()`, the end of `withConnection`, or the client was closed.
    case requested
    /// It failed for good.
    case failed(RivetError)
}

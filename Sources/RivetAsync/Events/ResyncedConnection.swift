// SPDX-License-Identifier: Apache-2.0

/// What a sequence that loads snapshots has to know of its connection.
protocol ResyncedConnection: Sendable {
    var gauge: ResourceGauge { get }
    var time: TimeSource { get }
    /// How long to wait before a load is tried again.
    var reconnect: ReconnectPolicy { get }

    /// Returns when the connection is open and what was subscribed before has been sent, with its number, which rises with
    /// each `Init`; nil when it is closed, or the task is cancelled.
    func opened() async -> Int?
    /// Where it is now, in order with what its callers have heard.
    func phase() async -> ConnectionPhase
    /// Uniform in 0 ..< 1.
    func randomFraction() -> Double
}

/// Where a connection is, as far as a failed load has to know.
enum ConnectionPhase: Equatable, Sendable {
    /// Lost, or never open yet, and an attempt follows.
    case opening
    case open(number: Int)
    /// Closed for good, or about to be.
    case over
}

// SPDX-License-Identifier: Apache-2.0

/// How a connection notices that the network between both ends has died (RFC 6455 §5.5.2).
///
/// Pings end at Rivet's gateway: they find dead networks, do not wake a sleeping actor and say nothing about it. They
/// pause while `suspendReading` holds the socket.
public struct KeepAlive: Sendable {
    /// The time from one ping to the next.
    ///
    /// 30 s by default.
    public var interval: Duration
    /// How long to wait for the pong.
    ///
    /// 10 s by default.
    public var timeout: Duration

    /// Makes a setting; both times must be positive.
    public init(interval: Duration = .seconds(30), timeout: Duration = .seconds(10)) {
        self.interval = interval
        self.timeout = timeout
    }
}

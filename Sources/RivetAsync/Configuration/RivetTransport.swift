// SPDX-License-Identifier: Apache-2.0

/// Where a client's bytes go.
///
/// Not a protocol to implement: take ``sockets``, or `transport` of a `LocalEngine`.
public struct RivetTransport: Sendable {
    package let dialer: any Dialer

    package init(dialer: any Dialer) { self.dialer = dialer }

    /// TCP.
    ///
    /// TLS comes on top for `https` endpoints, here as elsewhere.
    public static var sockets: Self { Self(dialer: SocketDialer()) }
}

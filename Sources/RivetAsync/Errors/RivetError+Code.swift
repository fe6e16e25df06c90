// SPDX-License-Identifier: Apache-2.0

extension RivetError.Code {
    /// So that a `catch` can name a code: `catch RivetError.Code.connectFailed { … }`.
    public static func ~= (code: Self, error: any Error) -> Bool { (error as? RivetError)?.code == code }

    // MARK: Before the network

    /// The configuration cannot be used; the caller's fault, nothing was sent.
    public static let invalidConfiguration = Self(name: "invalidConfiguration")
    /// An argument cannot be used, for example a path that no gateway URL can carry; the caller's fault.
    ///
    /// Nothing was sent, but where the stream of a request's body fails on its way: ``RivetError/execution`` says.
    public static let invalidArgument = Self(name: "invalidArgument")
    /// A value could not be encoded; the caller's fault, nothing was sent, the connection is not touched.
    public static let encodingFailed = Self(name: "encodingFailed")

    /// The provider of ``AccessToken/provided(_:)`` threw, gave no usable token or did not answer; what it threw is
    /// ``RivetError/underlying``.
    ///
    /// Nothing was sent.
    public static let tokenUnavailable = Self(name: "tokenUnavailable")

    // MARK: The network

    /// No connection could be made; the message lists each address with its reason.
    ///
    /// Nothing was sent; a repeat is safe.
    public static let connectFailed = Self(name: "connectFailed")
    /// TLS could not be agreed on, or the certificate was refused; ``RivetError/tls`` says what.
    ///
    /// It ends a call at once and a connection for good, unless it is ``RivetError/isTransient``. Nothing was sent where the
    /// handshake failed; an alert or damaged record may come behind the request: ``RivetError/execution`` says.
    public static let tlsFailed = Self(name: "tlsFailed")
    /// The connection went away under the call; ``RivetError/execution`` says what that means for it.
    public static let connectionLost = Self(name: "connectionLost")
    /// A deadline passed; ``RivetError/execution`` says whether the call, in any of its tries, had left.
    ///
    /// The message names what the call was doing, and why it was repeated; that error is ``RivetError/underlying``.
    public static let deadlineExceeded = Self(name: "deadlineExceeded")
    /// What answered the question for metadata is not Rivet; the next call asks again.
    ///
    /// Nothing was sent.
    public static let metadataUnavailable = Self(name: "metadataUnavailable")

    // MARK: The peer

    /// Rivet or the actor answered with an error: see ``RivetError/remote``.
    public static let remote = Self(name: "remote")
    /// The actor could not be placed or started; ``RivetError/startFailure`` has the engine's account.
    public static let actorUnavailable = Self(name: "actorUnavailable")
    /// The answer is not one that Rivet gives: perhaps another server, or a proxy in between.
    public static let unexpectedResponse = Self(name: "unexpectedResponse")
    /// The WebSocket handshake was refused; the HTTP status is in ``RivetError/remote``.
    public static let handshakeRefused = Self(name: "handshakeRefused")
    /// The peer closed the connection; code and reason are in ``RivetError/remote``.
    public static let closedByPeer = Self(name: "closedByPeer")
    /// The peer broke the protocol; the connection was failed.
    public static let protocolViolation = Self(name: "protocolViolation")
    /// The peer speaks a version of Rivet's protocol that this library does not; not retried.
    public static let unsupportedVersion = Self(name: "unsupportedVersion")
    /// An answer did not decode as the type that was asked for.
    ///
    /// The action ran.
    public static let decodingFailed = Self(name: "decodingFailed")

    // MARK: Limits and ends

    /// A limit was passed; the message has the limit and the size.
    public static let limitExceeded = Self(name: "limitExceeded")
    /// Too many actions wait to leave: the connection is not open, or its peer reads so slowly that 64 KiB wait already.
    ///
    /// Nothing was sent.
    public static let heldActionsFull = Self(name: "heldActionsFull")
    /// A sequence with the policy `.finish` overflowed and has ended.
    public static let eventBufferOverflowed = Self(name: "eventBufferOverflowed")
    /// The connection was closed by ``ActorConnection/disconnect()``, or a raw WebSocket was used behind its end.
    ///
    /// Of a raw WebSocket that somebody else ended ``RivetError/underlying`` says why.
    public static let connectionClosed = Self(name: "connectionClosed")
    /// The client was closed.
    public static let clientClosed = Self(name: "clientClosed")
}

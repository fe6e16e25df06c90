// SPDX-License-Identifier: Apache-2.0

/// What a handle sends with everything that it starts.
public struct HandleOptions: Sendable {
    /// The connection parameters for actions, queue sends, raw requests and connections.
    ///
    /// None by default.
    public var parameters: ConnectionParameters
    /// Whether the gateway hands requests over without waiting for the actor to be ready; nil, the default, for
    /// ``RivetConfiguration/skipsReadyWait``.
    public var skipsReadyWait: Bool?

    /// Makes options; each part has the default named with it.
    public init(parameters: ConnectionParameters = .none, skipsReadyWait: Bool? = nil) {
        self.parameters = parameters
        self.skipsReadyWait = skipsReadyWait
    }
}

/// What one connection does differently from its handle.
public struct ConnectOptions: Sendable {
    /// Replaces the handle's parameters; nil, the default, keeps them.
    public var parameters: ConnectionParameters?
    /// Replaces ``RivetConfiguration/reconnect``; nil, the default, keeps it.
    ///
    /// One with a part out of its range ends the connection at once with ``RivetError/Code/invalidArgument``.
    public var reconnect: ReconnectPolicy?
    /// Replaces the handle's setting; nil, the default, keeps it.
    public var skipsReadyWait: Bool?

    /// Makes options; each part has the default named with it.
    public init(
        parameters: ConnectionParameters? = nil,
        reconnect: ReconnectPolicy? = nil,
        skipsReadyWait: Bool? = nil
    ) {
        self.parameters = parameters
        self.reconnect = reconnect
        self.skipsReadyWait = skipsReadyWait
    }

    /// The error where a part is out of its range.
    var invalid: RivetError? {
        guard let problems = reconnect?.problems, !problems.isEmpty else { return nil }
        return .invalidArgument(problems.joined(separator: "; "))
    }
}

/// How an actor is made where there is none yet.
public struct CreateOptions: Sendable {
    /// What the actor's constructor gets; nil, the default, for no input.
    ///
    /// At most ``RivetConfiguration/maxInputSize`` bytes of CBOR.
    public var input: (any Encodable & Sendable)?
    /// The region to make it in, a datacenter's name; nil, the default, for the engine's choice.
    public var region: String?
    /// The pool that runs it; nil, the default, for ``RivetConfiguration/poolName``.
    public var poolName: String?

    /// Makes options; each part has the default named with it.
    public init(input: (any Encodable & Sendable)? = nil, region: String? = nil, poolName: String? = nil) {
        self.input = input
        self.region = region
        self.poolName = poolName
    }
}

/// What one call does differently from the client's configuration.
public struct CallOptions: Sendable {
    /// The time for the whole call, retries included; nil, the default, for ``RivetConfiguration/callTimeout``.
    ///
    /// `.seconds(Int64.max)`, and all beyond 100 years, is no bound. Zero or less is
    /// ``RivetError/Code/invalidArgument``, at once.
    public var timeout: Duration?
    /// Whether the action may run twice without harm.
    ///
    /// False by default: then nothing that may have run is repeated.
    ///
    /// When true, a call over HTTP that ended with ``RivetError/Execution/mayHaveRun`` and may succeed later is sent
    /// again, backing off, until its deadline. Calls on a connection are never repeated by the library.
    public var isIdempotent: Bool
    /// Whether the gateway hands the request over without waiting for the actor to be ready; nil for the handle's own
    /// setting.
    public var skipsReadyWait: Bool?
    /// Further fields for this request; they win over ``RivetConfiguration/fields``.
    ///
    /// Unlike those they go with the request wherever the engine's metadata sends it, credentials too, also to hosts that
    /// ``RivetConfiguration/allowedHosts`` does not have.
    ///
    /// A name that is no token, a value that is not printable ASCII, or one of the protocol's own fields (named at
    /// ``RivetConfiguration/fields``) is ``RivetError/Code/invalidArgument``, before anything is sent.
    /// Without effect on actions of a connection, which are not HTTP requests.
    public var fields: HTTPFields

    /// How long the reader of a `fetch`ed body waits for its next piece; nil, the default, for 75 s, and for ever where
    /// the body is read as server-sent events.
    ///
    /// When it passes, the read fails with ``RivetError/Code/deadlineExceeded`` and the connection is closed. The time
    /// during which nobody reads does not count, and ``timeout`` ends with the answer's head. `.seconds(Int64.max)`, and
    /// all beyond 100 years, is no bound. Zero or less is ``RivetError/Code/invalidArgument``, at once. Without effect on
    /// other calls.
    public var bodyIdleTimeout: Duration?

    /// Makes options; each part has the default named with it.
    public init(
        timeout: Duration? = nil,
        isIdempotent: Bool = false,
        skipsReadyWait: Bool? = nil,
        fields: HTTPFields = [:],
        bodyIdleTimeout: Duration? = nil
    ) {
        self.timeout = timeout
        self.bodyIdleTimeout = bodyIdleTimeout
        self.isIdempotent = isIdempotent
        self.skipsReadyWait = skipsReadyWait
        self.fields = fields
    }

    /// The call's own time; nil where it has none.
    ///
    /// - Throws: ``RivetError`` where it is not positive, or that for the body is not.
    func checkedTimeout() throws -> Duration? {
        if let bodyIdleTimeout { try RivetError.checkPositive("bodyIdleTimeout", bodyIdleTimeout) }
        if let timeout { try RivetError.checkPositive("timeout", timeout) }
        return timeout
    }
}

/// What an actor's connect hooks get to see of the caller, such as a session token.
///
/// Parameters travel as JSON, in a header over HTTP and in a subprotocol over WebSocket, never in a URL, and never
/// appear in a log or an error. The JSON is your own, as ``RequestBody/json(_:)`` writes it. What does not encode, a value
/// of more than 128 arrays and maps in one another among it, is ``RivetError/Code/encodingFailed``.
public struct ConnectionParameters: Sendable {
    /// Encodes the value that is current; nil for "no parameters", which is not the same as a null value (B40).
    let encode: @Sendable () async throws -> ByteChunk?
    /// Whether the user's own code is asked, so that its error is told from ours (B135).
    let isProvided: Bool

    /// No parameters.
    public static var none: Self { Self(encode: { nil }, isProvided: false) }

    /// The same value each time; null, `0`, `false` and `""` are values too.
    public static func fixed(_ value: some Encodable & Sendable) -> Self {
        Self(encode: { try ValueFormat.plainJSON.encode(value) }, isProvided: false)
    }

    /// A value that is asked for anew before each connection attempt, action, queue send and raw request, so that a
    /// token is fresh on every path.
    ///
    /// An error of the provider fails that call, or that attempt of a connection, with ``RivetError/Code/remote``, group
    /// `client` and code `get_params_failed`, as Rivet's own clients name it; nothing was sent.
    public static func provided<T: Encodable & Sendable>(_ provider: @escaping @Sendable () async throws -> T) -> Self {
        Self(encode: { try ValueFormat.plainJSON.encode(try await provider()) }, isProvided: true)
    }
}

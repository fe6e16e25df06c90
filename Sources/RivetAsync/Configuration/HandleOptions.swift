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

// SPDX-License-Identifier: Apache-2.0

/// Everything a client is told.
///
/// A value: a copy that is changed changes no client.
///
/// What the initialiser takes is checked at once, so that a typing error does not wait for the first call. The rest has
/// defaults that suit a service against a hosted engine; what was changed is checked by ``validate()``, and by the first
/// call and each connection of a client.
///
/// A time beyond 100 years, such as `.seconds(Int64.max)`, is no bound.
public struct RivetConfiguration: Sendable, CustomStringConvertible {
    /// How messages and bodies are encoded.
    ///
    /// ``bare`` is Rivet's own and the default: under the other two the server refuses byte strings and tags in
    /// arguments.
    public enum Encoding: Sendable {
        /// BARE, with CBOR values inside.
        case bare
        /// CBOR.
        case cbor
        /// JSON, readable in a capture.
        case json
    }

    /// Whether connections work against a stall of the engine: with actors written in JavaScript an action that is alone
    /// on its connection waits some 40 ms for its answer.
    ///
    /// A *nudge* is one small message behind such an action, without effect, which brings the answer out after 6 ms. It
    /// costs the engine and the actor one message more.
    public enum ReplyNudge: Sendable {
        /// Where the stall has shown itself.
        ///
        /// Where nothing stalls a nudge would make a stall, so a client learns which actions of which actors need it, and
        /// goes on checking that they still do: at most one nudge an action, and none with several actions in flight.
        /// New connections start with what is known, which is forgotten with the client.
        case automatic
        /// Never; nothing is learned either.
        case off
    }

    let endpoint: Endpoint
    /// The namespace.
    ///
    /// From the endpoint's user info or the argument; `default` otherwise.
    public private(set) var namespace = "default"
    /// The pool of runners that creates actors.
    ///
    /// `default` unless given.
    public private(set) var poolName = "default"
    /// What is shown to the engine.
    ///
    /// From the endpoint's user info or the argument; ``AccessToken/automatic`` otherwise.
    public private(set) var token = AccessToken.automatic
    /// Where else than to the endpoint's host the token may go, and fields of ``fields`` that carry credentials
    /// (`Authorization`, `Proxy-Authorization`, `Cookie`, `x-rivet-token`).
    ///
    /// None by default. An engine's metadata may name another host, which then gets the token that the metadata has, if
    /// any. Names or addresses without a port, compared without case; `localhost` and `127.0.0.1` are two. Connection
    /// parameters follow anywhere: they are the actor's.
    public var allowedHosts: Set<String> = []

    /// Fields for every request and WebSocket upgrade, none by default; those of one call win.
    ///
    /// What the protocol writes itself is left out: `Host`, `Connection`, `Upgrade`, `Content-Length`,
    /// `Transfer-Encoding`, `Sec-WebSocket-…`, `x-rivet-encoding`, `x-rivet-conn-params`, `x-rivet-skip-ready-wait`,
    /// `x-rivet-target`, `x-rivet-actor`, and `traceparent` and `tracestate`, which belong to one piece of work
    /// (``requestContext``). A name that is no token, or a value that is not printable ASCII, makes the
    /// configuration invalid.
    public var fields = HTTPFields()
    /// How messages and bodies are encoded.
    ///
    /// ``Encoding/bare`` by default.
    public var encoding = Encoding.bare
    /// Whether integers beyond 32 and within 53 bits are written as floats, which JavaScript actors read as numbers and
    /// not as BigInt.
    ///
    /// False by default; Rust actors refuse a float for an integer.
    public var writesJavaScriptNumbers = false
    /// Whether `GET /metadata` is asked, once, where to send everything.
    ///
    /// True by default, as Rivet's clients do.
    public var looksUpMetadata = true
    /// Whether an `https` endpoint's metadata may name an `http` one, which gives up TLS.
    ///
    /// False by default.
    public var allowsInsecureRedirection = false
    /// Whether the gateway hands requests over without waiting for the actor to be ready.
    ///
    /// False by default.
    public var skipsReadyWait = false
    /// The largest create input, in bytes of CBOR.
    ///
    /// 1 MiB by default, the engine's own limit; at least 1.
    public var maxInputSize = 1 << 20
    /// For name, TCP and TLS together.
    ///
    /// 10 s by default; positive.
    public var connectTimeout: Duration = .seconds(10)
    /// From the start of a connection attempt to the actor's `Init`.
    ///
    /// 75 s by default: the engine allows a cold actor 60 s and 15 s more. Positive.
    public var openTimeout: Duration = .seconds(75)
    /// For one call, retries included.
    ///
    /// 75 s by default: longer than the actor's own 60 s, whose answer so comes first. Positive.
    public var callTimeout: Duration = .seconds(75)
    /// The largest message and the largest body of an action's answer that is read, in bytes; 4 MiB by default (the
    /// actor's own limit is 1 MiB by default), up to 32 MiB, the gateway's.
    public var maxMessageSize = 4 << 20
    /// How many actions may wait for a connection to open, or for a slow peer to read what waits to be sent.
    ///
    /// 1,024 by default; at least 1.
    public var maxHeldActions = 1_024
    /// How many bytes of arguments may wait so.
    ///
    /// 8 MiB by default; at least 1.
    public var maxHeldBytes = 8 << 20
    /// How many requests may be under way at a time to one host and port; the others wait in line.
    ///
    /// 64 by default; at least 1. Connections and raw WebSockets do not count. A request counts until its answer has
    /// arrived whole, so what `fetch` returned counts until it is read or dropped. From 2 on, a quarter of the places, at
    /// least one, is kept for actions, lookups and queue sends without wait: `fetch` and `enqueueAndWait` have the rest.
    /// A call that has no place when its deadline comes fails with ``RivetError/Code/deadlineExceeded`` and
    /// ``RivetError/Execution/notSent``, and says so.
    public var maxConnectionsPerOrigin = 64
    /// How dead networks are found; nil for never.
    ///
    /// A ping each 30 s, 10 s for its pong by default.
    public var keepAlive: KeepAlive? = .init()
    /// See ``ReplyNudge``.
    ///
    /// ``ReplyNudge/automatic`` by default.
    public var replyNudge = ReplyNudge.automatic
    /// Every lone action and each way to `Init` is nudged, and nothing learned, for measurements.
    package var nudgesAlways = false
    /// How connections come back.
    ///
    /// ``ReconnectPolicy/server`` by default.
    public var reconnect = ReconnectPolicy.server
    /// How servers are verified.
    ///
    /// The system's trust store by default.
    public var tls = TLSOptions()
    /// Asked once for each call, at its start and in the caller's task, so that task-locals are visible; the answer goes
    /// with all that is done for the call.
    ///
    /// A connection asks in the task that calls `connect()`, and in a task of its own for each later attempt; that runs on
    /// the connection's lane, so this must not block. None by default.
    public var requestContext: (@Sendable () -> RequestContext)?
    /// Runs around each call, in the caller's task: for spans, task-local loggers and audit.
    ///
    /// Run `call` once. All its tries, its deadline and its decoding are inside; what the hook throws is what the caller
    /// gets, and an error of the call that the hook keeps to itself is thrown all the same. Running it twice throws
    /// ``RivetError/Code/invalidArgument`` there, not at all fails the call with the same code. The hook's own time is
    /// outside of the call's deadline. Opening a connection is a call where somebody awaits
    /// ``ActorConnection/waitUntilConnected()``. None by default, and then nothing is paid.
    public var aroundCall: (@Sendable (_ info: CallInfo, _ call: () async throws -> Void) async throws -> Void)?

    /// Checks everything at once.
    ///
    /// - Parameters:
    ///   - endpoint: `http[s]://[namespace[:token]@]host[:port][/base]`.
    ///   - namespace: not together with one in the endpoint.
    ///   - token: a literal for a fixed one, of printable ASCII; ``AccessToken/provided(_:)`` for one that expires;
    ///     ``AccessToken/automatic`` by default. Not together with one in the endpoint.
    ///   - poolName: the pool that creates actors.
    /// - Throws: ``RivetError`` with ``RivetError/Code/invalidConfiguration`` that says what is wrong.
    public init(
        endpoint: String,
        namespace: String? = nil,
        token: AccessToken = .automatic,
        poolName: String? = nil
    ) throws {
        let parsed: Endpoint.Parsed
        do {
            parsed = try Endpoint.parse(endpoint)
        } catch {
            throw Self.invalid("\(error)", underlying: error)
        }
        if parsed.namespace != nil, namespace != nil {
            throw Self.invalid("the namespace is given twice: in the endpoint and as an argument")
        }
        if parsed.token != nil, !token.isAutomatic {
            throw Self.invalid("the token is given twice: in the endpoint and as an argument")
        }
        let token = parsed.token.map { .fixed($0) } ?? token
        var fixed: String?
        if case .fixed(let secret) = token.kind { fixed = secret.reveal() }
        for (name, value) in [("namespace", namespace), ("poolName", poolName), ("token", fixed)] {
            if value?.isEmpty == true { throw Self.invalid("\(name) is empty; leave it out for the default") }
        }
        // A line break at the end of a file that it was read from is the usual mistake.
        if let fixed, !fixed.utf8.allSatisfy(HTTPSyntax.isPrintableASCII) {
            throw Self.invalid("the token has a character that no field can carry, such as a line break")
        }
        self.endpoint = parsed.endpoint
        self.namespace = parsed.namespace ?? namespace ?? self.namespace
        self.token = token
        self.poolName = poolName ?? self.poolName
    }

    /// Reads `RIVET_ENDPOINT`, `RIVET_NAMESPACE`, `RIVET_TOKEN` and `RIVET_POOL` (or `RIVET_RUNNER`).
    ///
    /// What the endpoint itself carries beats the variables, so an exported `RIVET_NAMESPACE` breaks no endpoint.
    /// - Parameter variables: nil, the default, for those of the process.
    /// - Returns: the configuration.
    /// - Throws: ``RivetError`` with ``RivetError/Code/invalidConfiguration`` without an endpoint or with a bad one.
    public static func fromEnvironment(_ variables: [String: String]? = nil) throws -> Self {
        func value(_ name: String) -> String? {
            let text = if let variables { variables[name] } else { EnvironmentVariable.value(name) }
            return text == "" ? nil : text
        }
        guard let text = value("RIVET_ENDPOINT") else {
            throw invalid("RIVET_ENDPOINT is not set; an example is http://localhost:6420")
        }
        let parsed = try? Endpoint.parse(text)
        return try Self(
            endpoint: text,
            namespace: parsed?.namespace == nil ? value("RIVET_NAMESPACE") : nil,
            token: parsed?.token == nil ? value("RIVET_TOKEN").map { .fixed(Secret($0)) } ?? .automatic : .automatic,
            poolName: value("RIVET_POOL") ?? value("RIVET_RUNNER")
        )
    }

    /// Endpoint, namespace and pool; a token shows as `…`, fields not at all.
    public var description: String {
        "RivetConfiguration(endpoint: \(endpoint.text), namespace: \(namespace), "
            + "token: \(token), poolName: \(poolName), encoding: \(encoding))"
    }

    /// Checks what can be changed after `init`; nothing goes over the network.
    ///
    /// A client does the same by itself: with an invalid configuration every call fails at once, and every connection
    /// ends at once, with this error.
    ///
    /// - Throws: ``RivetError`` with ``RivetError/Code/invalidConfiguration``, fault ``RivetError/Fault/caller``, that
    ///   names every setting out of its range.
    public func validate() throws {
        if let problem { throw problem }
    }

    /// What ``validate()`` throws; nil where all is well.
    var problem: RivetError? {
        var wrong: [String] = []
        func positive(_ name: String, _ value: Duration) {
            if value <= .zero { wrong.append("\(name) is \(value) and must be positive") }
        }
        positive("connectTimeout", connectTimeout)
        positive("openTimeout", openTimeout)
        positive("callTimeout", callTimeout)
        if let keepAlive {
            positive("keepAlive.interval", keepAlive.interval)
            positive("keepAlive.timeout", keepAlive.timeout)
        }
        wrong += reconnect.problems
        if !(1...(32 << 20)).contains(maxMessageSize) {
            wrong.append("maxMessageSize is \(maxMessageSize) and must be within 1 and \(32 << 20) bytes")
        }
        for (name, value) in [
            ("maxInputSize", maxInputSize), ("maxHeldActions", maxHeldActions), ("maxHeldBytes", maxHeldBytes),
            ("maxConnectionsPerOrigin", maxConnectionsPerOrigin),
        ] where value < 1 {
            wrong.append("\(name) is \(value) and must be at least 1")
        }
        if let problem = UserFields.problem(of: fields) { wrong.append("fields: \(problem)") }
        var ray = HTTPFields()
        ray["x-rivet-ray-id"] = fields["x-rivet-ray-id"]
        if let problem = TraceFields.problem(of: ray) { wrong.append("fields: \(problem)") }
        return wrong.isEmpty ? nil : Self.invalid(wrong.joined(separator: "; "))
    }

    private static func invalid(_ message: String, underlying: (any Error)? = nil) -> RivetError {
        RivetError(.invalidConfiguration, message, fault: .caller, underlying: underlying)
    }
}

/// How a connection or raw WebSocket notices that the network between both ends has died (RFC 6455 §5.5.2).
///
/// Pings end at Rivet's gateway: they find dead networks, do not wake a sleeping actor and say nothing about it. They
/// pause while a reader holds the socket: `suspendReading`, or raw messages that nobody takes.
public struct KeepAlive: Sendable {
    /// How long nothing may come before a ping leaves.
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

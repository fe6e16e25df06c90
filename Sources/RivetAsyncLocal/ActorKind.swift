// SPDX-License-Identifier: Apache-2.0
public import RivetAsync
import Synchronization

/// What actors of one kind do: their actions, queues and hooks.
///
/// Each is set once; a second call replaces the first.
///
/// Handlers run isolated to the actor's instance. A thrown ``UserError`` or `ActorFailure` reaches the client; other
/// errors are masked.
public struct ActorKind<D: ActorDefinition, State: Sendable>: ~Copyable {
    /// The live actor that handlers get.
    public typealias Instance = ActorInstance<D, State>

    var erased: ErasedKind

    init(state: @escaping @Sendable (CreationInput, ActorKey) async throws -> State) {
        erased = ErasedKind(name: D.actorName) { hosted, input in
            Instance(hosted: hosted, state: try await state(input, hosted.key))
        }
    }

    /// Answers the action `A`.
    public mutating func on<A: ActorAction>(
        _: A.Type,
        _ body: @escaping @Sendable (A, isolated Instance) async throws -> A.Output
    ) where A.Target == D {
        on(A.self) { action, instance, _ in try await body(action, instance) }
    }

    /// Answers the action `A`, with the connection that it came by.
    public mutating func on<A: ActorAction>(
        _: A.Type,
        _ body: @escaping @Sendable (A, isolated Instance, LocalConnection<D>) async throws -> A.Output
    ) where A.Target == D {
        erased.actions[ExactName(A.actionName)] = { instance, arguments, encoding, connection in
            let instance = try Self.typed(instance)
            let format = encoding.valueFormat
            let action: A
            do {
                action =
                    A.argumentStyle == .positional
                    ? try format.decodePositionalArguments(from: arguments) : try format.decodeArgument(from: arguments)
            } catch {
                throw EngineError.actor("validation_error", "The arguments do not decode as \(A.self): \(error)")
            }
            let output = try await body(action, instance, LocalConnection(hosted: connection))
            return try OutgoingValue.encode(encoding, isMessage: connection.outlet != nil) { format, options in
                try format.encode(output, options: options)
            }
        }
    }

    /// Consumes the messages of the queue `M`, one after another in their order; the result is the reply.
    public mutating func onQueue<M: ActorQueueMessage>(
        _: M.Type,
        _ body: @escaping @Sendable (M, isolated Instance) async throws -> M.Reply
    ) where M.Target == D {
        erased.queues[ExactName(M.queueName)] = { instance, message in
            let instance = try Self.typed(instance)
            let reply = try await body(try message.decode(M.self), instance)
            return { encoding in
                // No reply is no bytes, as from an actor that completes a message without one.
                if reply is NoValue { return ByteChunk() }
                return try OutgoingValue.encode(encoding, isMessage: false) { format, options in
                    try format.encode(reply, options: options)
                }
            }
        }
    }

    /// Called first for each new connection; throwing refuses it.
    public mutating func onBeforeConnect(
        _ body: @escaping @Sendable (LocalConnection<D>, isolated Instance) async throws -> Void
    ) {
        erased.onBeforeConnect = { try await body(LocalConnection(hosted: $0), Self.typed($1)) }
    }

    /// Makes what ``LocalConnection/state(as:)`` gives; throwing refuses the connection.
    public mutating func createConnectionState(
        _ body: @escaping @Sendable (LocalConnection<D>, isolated Instance) async throws -> any Sendable
    ) {
        erased.createConnectionState = { connection, instance in
            let state = try await body(LocalConnection(hosted: connection), Self.typed(instance))
            connection.state.withLock { $0 = state }
        }
    }

    /// Called when the connection has become one of ``ActorInstance/connections``; throwing refuses it.
    ///
    /// What is sent here arrives before the client knows that it is connected.
    public mutating func onConnect(
        _ body: @escaping @Sendable (LocalConnection<D>, isolated Instance) async throws -> Void
    ) {
        erased.onConnect = { try await body(LocalConnection(hosted: $0), Self.typed($1)) }
    }

    /// Called when a connection has ended, whoever ended it; not when the actor sleeps.
    public mutating func onDisconnect(
        _ body: @escaping @Sendable (LocalConnection<D>, isolated Instance) async -> Void
    ) {
        erased.onDisconnect = { try await body(LocalConnection(hosted: $0), Self.typed($1)) }
    }

    /// Called at each start before anything else; throwing makes the start fail.
    public mutating func onWake(_ body: @escaping @Sendable (isolated Instance) async throws -> Void) {
        erased.onWake = { try await body(Self.typed($0)) }
    }

    /// Called before the actor sleeps.
    public mutating func onSleep(_ body: @escaping @Sendable (isolated Instance) async -> Void) {
        erased.onSleep = { if let instance = try? Self.typed($0) { await body(instance) } }
    }

    /// Called before the actor is gone for good.
    public mutating func onDestroy(_ body: @escaping @Sendable (isolated Instance) async -> Void) {
        erased.onDestroy = { if let instance = try? Self.typed($0) { await body(instance) } }
    }

    /// Answers plain HTTP requests.
    ///
    /// Without it they are 404 with an empty body.
    public mutating func onRequest(
        _ body: @escaping @Sendable (LocalRequest, isolated Instance) async throws -> LocalResponse
    ) {
        erased.onRequest = { try await body($0, Self.typed($1)) }
    }

    /// Serves plain WebSockets; the socket is closed when `body` returns.
    ///
    /// Without it they stay open and silent.
    public mutating func onWebSocket(
        _ body: @escaping @Sendable (LocalWebSocket, isolated Instance) async throws -> Void
    ) {
        erased.onWebSocket = { try await body($0, Self.typed($1)) }
    }

    private static func typed(_ instance: any Actor) throws -> Instance {
        guard let instance = instance as? Instance else {
            assertionFailure("an instance of another kind")
            throw EngineError.internalError
        }
        return instance
    }
}

extension LocalEngine {
    /// The kinds of actors that an engine runs, by name; the last of several with one name counts.
    public struct Registry: ~Copyable {
        var kinds: [ExactName: ErasedKind] = [:]

        /// A kind of actors that all begin with the same state.
        public mutating func actor<D: ActorDefinition, State: Sendable>(
            _: D.Type,
            state: State,
            _ define: (inout ActorKind<D, State>) -> Void
        ) {
            actor(D.self, state: { _, _ in state }, define)
        }

        /// A kind of actors whose first state comes from the input and key that they are created with; throwing makes
        /// the actor's start fail.
        public mutating func actor<D: ActorDefinition, State: Sendable>(
            _: D.Type,
            state: @escaping @Sendable (CreationInput, ActorKey) async throws -> State,
            _ define: (inout ActorKind<D, State>) -> Void
        ) {
            var kind = ActorKind<D, State>(state: state)
            define(&kind)
            kinds[ExactName(D.actorName)] = kind.erased
        }
    }
}

/// What the client gave along when it created the actor.
public struct CreationInput: Sendable {
    let bytes: ByteChunk?

    /// The input as a value; nil where none was given.
    ///
    /// - Throws: what the decoding of `T` throws, when the input has another form.
    public func decode<T: Decodable>(_: T.Type) throws -> T? {
        guard let bytes else { return nil }
        return try ValueFormat.nativeCBOR.decode(T?.self, from: bytes)
    }
}

/// Thrown by a handler: reaches the client as `user.CODE` with message and metadata.
///
/// Any other error is masked, as Rivet masks it: the client sees `rivetkit.internal_error` and no text. Only where a
/// hook refuses a connection the text of every error goes out.
public struct UserError: Error, CustomStringConvertible {
    /// What the client reads.
    public let message: String
    /// What the client's program tells errors apart by; `user_error` by default.
    public let code: String
    /// More about it, for the client to decode.
    public let metadata: (any Encodable & Sendable)?

    /// An error for the client.
    public init(_ message: String, code: String = "user_error", metadata: (any Encodable & Sendable)? = nil) {
        self.message = message
        self.code = code
        self.metadata = metadata
    }

    /// The code and the message.
    public var description: String { "user.\(code): \(message)" }
}

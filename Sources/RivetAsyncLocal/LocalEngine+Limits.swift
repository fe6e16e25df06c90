// SPDX-License-Identifier: Apache-2.0

extension LocalEngine {
    /// What an engine allows and how long it waits.
    ///
    /// The defaults are Rivet's own. A time of zero or less is over at once; one beyond 100 years is no bound.
    public struct Limits: Sendable {
        /// How long an action may run before it is answered with `actor.action_timed_out`; 60 seconds by default.
        public var actionTimeout: Duration = .seconds(60)
        /// How long a hook may run before `actor.callback_timed_out`; 5 seconds by default, also for all the hooks of
        /// one new connection together.
        public var hookTimeout: Duration = .seconds(5)
        /// How long a request waits for its actor to be ready before `guard.actor_ready_timeout`; 30 seconds.
        public var readyTimeout: Duration = .seconds(30)
        /// How long an actor without work stays awake; 30 seconds by default.
        public var idleBeforeSleep: Duration = .seconds(30)
        /// How long work under way may go on when its actor sleeps or is destroyed; 15 seconds by default.
        public var grace: Duration = .seconds(15)
        /// The largest message or request body to an actor in bytes, equality allowed; 65,536 by default.
        public var maxIncomingMessage = 65_536
        /// The largest message or answer of an actor in bytes, equality allowed; 1 MiB by default.
        public var maxOutgoingMessage = 1 << 20
        /// How many messages a queue holds before `queue.full`; 1,000 by default.
        public var maxQueuedMessages = 1_000
        /// The largest queue message in bytes; 65,536 by default.
        public var maxQueuedMessageSize = 65_536
        /// The largest HTTP request body in bytes; 20 MiB by default.
        ///
        /// One that streams to an actor's handler has no limit.
        public var maxRequestBody = 20 << 20
        /// The largest answer that is collected from its chunks, in bytes, where bodies do not stream; 20 MiB by default.
        public var maxCollectedAnswer = 20 << 20
        /// Whether the bodies of plain HTTP requests and answers pass the gateway piece by piece; false by default.
        ///
        /// Rivet's gateway collects them whole unless it is set to stream. What an answer leaves unread of its request is
        /// dropped, and the connection is closed where the answer ends first.
        public var streamsBodies = false
        /// The largest WebSocket message in bytes; 32 MiB by default.
        public var maxWebSocketMessage = 32 << 20

        /// Rivet's own limits.
        public init() {}
    }

    /// Choices that only this package's tests make (PROTOCOL k).
    package struct Settings: Sendable {
        /// As 2.3.x: wanted as `Authorization: Bearer` on the actors API and in gateway URLs; nil: none is wanted.
        package var token: String?
        /// Makes `/metadata` answer as an app's own endpoint does.
        package var metadata: RuntimeMetadata?
        /// An actor of an unknown kind lets its callers wait for the ready time-out instead of failing at once.
        package var unknownKindTimesOut = false
        /// Falls asleep by its timer also with open `/connect` sockets.
        package var sleepsWithConnections = false
        /// A queue without a handler is `actor.not_found`, as with a Rust actor, instead of `completed`.
        package var refusesUnknownQueues = false
        /// A destroyed actor answers `actor.destroyed_while_waiting_for_ready` instead of `actor.not_found`.
        package var answersDestroyed = false
        /// A WebSocket whose token is refused gets the 101 and a close 1008 instead of a plain status.
        package var closesRefusedUpgrades = false
        /// Reads `rvt-key-part`, as Rivet 3 does; also read where tokens are asked for.
        package var readsKeyParts = false
        /// How long `stop` waits for handlers that hear no cancellation; one that does may need seconds on a busy machine.
        package var stopLimit = Duration.seconds(15)
        /// The pools that exist; nil: every name is a pool.
        package var pools: Set<String>?

        package init() {}
    }

    /// The three client fields of an app's own `/metadata` (PROTOCOL a3).
    package struct RuntimeMetadata: Sendable {
        package var clientEndpoint: String?
        package var clientNamespace: String?
        package var clientToken: String?

        package init(clientEndpoint: String? = nil, clientNamespace: String? = nil, clientToken: String? = nil) {
            self.clientEndpoint = clientEndpoint
            self.clientNamespace = clientNamespace
            self.clientToken = clientToken
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
public import RivetAsync
import Synchronization

/// Trouble on demand, for tests of a client.
///
/// A fault holds for the next `times` things at its place, then it is over; several at one place take their turn in
/// the order of their injection.
public struct Faults: Sendable {
    /// What goes wrong.
    public struct Fault: Sendable {
        enum Kind: Sendable {
            case refuse(EngineError, afterTheActionRan: Bool)
            case cut(afterBytes: Int)
            case reset
            case halfClose
            case close(WebSocketClosing)
            case delay(Duration)
            case withhold
            case holdUntilNextFrame
            case bytes([UInt8])
        }

        let kind: Kind

        /// The error instead of the answer: of an HTTP request, or of an action on a connection; at `.upgrade` the 101
        /// and then the close with this code.
        ///
        /// Made by the gateway where it makes errors of that name, by the actor otherwise, which hides message and
        /// metadata of most.
        public static func refuse(
            group: String,
            code: String,
            message: String = "",
            metadata: (any Encodable & Sendable)? = nil,
            afterTheActionRan: Bool = false
        ) -> Self {
            let failure = EngineError(
                group: group,
                code: code,
                message: message,
                metadata: metadata,
                origin: EngineError.origin(group: group, code: code)
            )
            return Self(kind: .refuse(failure, afterTheActionRan: afterTheActionRan))
        }

        /// Ends the TCP connection after so many bytes of the answer or frame, without a closing handshake.
        public static func cut(afterBytes: Int = 0) -> Self { Self(kind: .cut(afterBytes: max(afterBytes, 0))) }

        /// Resets the TCP connection instead.
        public static var reset: Self { Self(kind: .reset) }

        /// Sends what is to be sent, and then ends our side only.
        public static var halfClose: Self { Self(kind: .halfClose) }

        /// A close frame instead of the frame; at `.upgrade`, behind the 101.
        ///
        /// The reason may be longer than 123 bytes.
        public static func close(_ code: WebSocketCloseCode, reason: String) -> Self {
            Self(kind: .close(WebSocketClosing(code, reason: reason)))
        }

        /// Sends it so much later; what comes behind it may overtake it.
        public static func delay(_ duration: Duration) -> Self { Self(kind: .delay(duration)) }

        /// Never sends it.
        public static var withhold: Self { Self(kind: .withhold) }

        /// Sends it when the client's next frame has come, or after 40 ms.
        public static var holdUntilNextFrame: Self { Self(kind: .holdUntilNextFrame) }

        /// Sends other bytes instead: a message with this payload at `.initialMessage`, `.answer` and `.event`, and
        /// these bytes as they are elsewhere.
        public static func bytes(_ bytes: [UInt8]) -> Self { Self(kind: .bytes(bytes)) }
    }

    /// Where it goes wrong.
    public enum Place: Sendable {
        /// An HTTP request's answer; with ``Fault/refuse(group:code:message:metadata:afterTheActionRan:)`` also an action on a
        /// connection.
        case request
        /// The 101.
        case upgrade
        /// A connection's first message, Init.
        case initialMessage
        /// An action's answer on a connection.
        case answer
        /// An event.
        case event
        /// The answer to a ping.
        case pong
        /// Each frame on a connection, but close frames.
        case everyFrame
    }

    /// What the engine does for faults that are no one message's.
    struct Hooks: Sendable {
        let cutAllConnections: @Sendable () async -> Void
        let killActors: @Sendable () async -> Void
    }

    private final class Box: Sendable {
        let pending = Mutex<[Place: [(fault: Fault, times: Int)]]>([:])
        let hooks = Mutex<Hooks?>(nil)
    }

    private let box = Box()

    init() {}

    /// Makes the next `times` things at `place` go wrong.
    public func inject(_ fault: Fault, at place: Place, times: Int = 1) {
        guard times > 0 else { return }
        box.pending.withLock { $0[place, default: []].append((fault, times)) }
    }

    /// Ends every TCP connection now, without a closing handshake.
    ///
    /// Returns when they are closed.
    public func cutAllConnections() async { await box.hooks.withLock { $0 }?.cutAllConnections() }

    /// Takes all actors' process away in the middle of everything and starts it again: what was under way runs again,
    /// connections stay open.
    public func killActors() async { await box.hooks.withLock { $0 }?.killActors() }

    /// Ends all faults that have not happened yet.
    public func clear() {
        box.pending.withLock { $0 = [:] }
    }

    func setHooks(_ hooks: Hooks?) {
        box.hooks.withLock { $0 = hooks }
    }

    /// The next fault at `place` that `wanted` takes, used up by that.
    func take(at place: Place, where wanted: (Fault.Kind) -> Bool = { _ in true }) -> Fault.Kind? {
        box.pending.withLock { pending in
            guard let next = pending[place]?.first, wanted(next.fault.kind) else { return nil }
            if next.times == 1 {
                pending[place]?.removeFirst()
            } else {
                pending[place]?[0].times -= 1
            }
            return next.fault.kind
        }
    }

    /// The next fault at `place`, if it refuses.
    func takeRefusal(at place: Place) -> (failure: EngineError, afterTheActionRan: Bool)? {
        let kind = take(at: place) { kind in if case .refuse = kind { true } else { false } }
        guard case .refuse(let failure, let after) = kind else { return nil }
        return (failure, after)
    }

    /// The next fault at `place`, unless it refuses: a refusal is taken before there is an answer or a 101, and the next is
    /// the next request's.
    func takeOther(at place: Place) -> Fault.Kind? {
        take(at: place) { kind in if case .refuse = kind { false } else { true } }
    }
}

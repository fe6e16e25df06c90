// SPDX-License-Identifier: Apache-2.0

/// The one error that RivetAsync throws, beside `CancellationError`.
///
/// It answers what a caller asks after a failure: what happened (``code`` and ``message``), whose fault it is
/// (``fault``), whether the action may have run and so whether a repeat is safe (``execution``), whether the same call
/// may succeed later (``isTransient``), and whether the connection lives on (``connectionSurvives``). An actor's own
/// error is in ``remote``.
///
/// A cancelled call throws `CancellationError`, never this type. No text of an error holds a token, a parameter or a
/// payload.
public struct RivetError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it was; an open set, so a `switch` needs a `default`.
    public struct Code: Hashable, Sendable {
        /// The code as text, for logs and metrics.
        public let name: String
    }

    /// Who has to change something.
    public enum Fault: Sendable {
        /// The calling program: its configuration, its arguments, or the order of its calls.
        case caller
        /// The actor's own code.
        case actor
        /// The engine, its gateway, or what answers in its place.
        case server
        /// Something between both ends.
        case network
    }

    /// Whether the work was done: the answer to "is it safe to repeat?".
    public enum Execution: Sendable {
        /// It did not run. A repeat is safe.
        case notSent
        /// Nobody knows. A repeat is safe only for an idempotent action.
        case mayHaveRun
        /// It ran. A repeat runs it again.
        case ran
    }

    /// What kind of failure it was.
    public var code: Code { content.code }
    /// What happened, in words a person can act on, with the numbers that matter.
    public var message: String { content.message }
    /// Who has to change something.
    public var fault: Fault { content.fault }
    /// Whether the work was done.
    public var execution: Execution { content.execution }
    /// Whether the same call may succeed later without a change on our side.
    public var isTransient: Bool { content.isTransient }
    /// Whether the connection that the call used lives on.
    public var connectionSurvives: Bool { content.connectionSurvives }
    /// What Rivet or the actor said, when one of them made the error.
    public var remote: RemoteError? { content.remote }
    /// Why the actor could not be started, with ``Code/actorUnavailable``.
    public var startFailure: ActorStartFailure? { content.startFailure }
    /// The error below this one, when there is one.
    public var underlying: (any Error)? { content.underlying }
    /// How long the server asked to wait before a repeat (B150).
    package var retryAfter: Duration? { content.retryAfter }

    private var content: Content { box.content }
    /// One reference, since statuses, states and waiters have room for an error that is seldom there.
    private let box: Box

    private struct Content {
        let code: Code
        let message: String
        let fault: Fault
        let execution: Execution
        let isTransient: Bool
        let connectionSurvives: Bool
        let remote: RemoteError?
        let startFailure: ActorStartFailure?
        let underlying: (any Error)?
        let retryAfter: Duration?
    }

    private final class Box: Sendable {
        let content: Content

        init(_ content: Content) { self.content = content }
    }

    package init(
        _ code: Code,
        _ message: String,
        fault: Fault,
        execution: Execution = .notSent,
        isTransient: Bool = false,
        connectionSurvives: Bool = true,
        remote: RemoteError? = nil,
        startFailure: ActorStartFailure? = nil,
        underlying: (any Error)? = nil,
        retryAfter: Duration? = nil
    ) {
        box = Box(
            Content(
                code: code,
                message: message,
                fault: fault,
                execution: execution,
                isTransient: isTransient,
                connectionSurvives: connectionSurvives,
                remote: remote,
                startFailure: startFailure,
                underlying: underlying,
                retryAfter: retryAfter
            )
        )
    }

    /// Whether ``remote`` carries this group and code: `catch let e as RivetError where e.matches("user", "declined")`.
    public func matches(_ group: String, _ code: String) -> Bool {
        remote?.group == group && remote?.code == code
    }

    /// The code, the message, what the server said, and whether a repeat is safe.
    ///
    /// One line, in which control characters stand escaped: a peer may have put them into its words.
    public var description: String {
        var text = "\(code.name): \(message)"
        if let remote {
            if !remote.group.isEmpty { text += " [\(remote.group).\(remote.code)]" }
            if let status = remote.httpStatus { text += " [HTTP \(status)]" }
            if let closeCode = remote.closeCode { text += " [close \(closeCode.rawValue)]" }
            if let rayID = remote.rayID { text += " [ray \(rayID)]" }
        }
        switch execution {
        case .notSent: text += " (did not run)"
        case .mayHaveRun: text += " (may have run)"
        case .ran: text += " (ran)"
        }
        return text.onOneLine
    }

    /// The same error with other answers to what a caller asks, or with its cause.
    package func with(
        message: String? = nil,
        execution: Execution? = nil,
        isTransient: Bool? = nil,
        connectionSurvives: Bool? = nil,
        remote: RemoteError? = nil,
        underlying: (any Error)? = nil
    ) -> RivetError {
        RivetError(
            code,
            message ?? self.message,
            fault: fault,
            execution: execution ?? self.execution,
            isTransient: isTransient ?? self.isTransient,
            connectionSurvives: connectionSurvives ?? self.connectionSurvives,
            remote: remote ?? self.remote,
            startFailure: startFailure,
            underlying: underlying ?? self.underlying,
            retryAfter: retryAfter
        )
    }
}

extension String {
    /// With what would begin a new line or move a terminal's cursor as an escape.
    fileprivate var onOneLine: String {
        func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
        guard unicodeScalars.contains(where: isEscaped) else { return self }
        return unicodeScalars.reduce(into: "") { $0 += isEscaped($1) ? $1.escaped(asASCII: true) : String($1) }
    }
}

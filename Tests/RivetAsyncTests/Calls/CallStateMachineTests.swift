// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// One call over HTTP as a transcript: what happened on the left, what the machine wants on the right.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CallStateMachineTests {
    enum Event: Sendable {
        case resolved(ActorID)
        case failed(RivetError)
        case paused
        case deadlinePassed
        case explained(String?)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var isPinned = false
        var isIdempotent = false
        var canRepeat = true
        let events: [Event]
        let transcript: [String]
    }

    /// What Rivet answered, over HTTP.
    static func remote(
        _ group: String,
        _ code: String,
        _ status: Int = 400,
        resource: String? = nil,
        retryAfter: Duration? = nil
    )
        -> Event
    {
        let metadata = resource.map {
            EncodedValue(bytes: ByteChunk(Array(#"{"resource":"\#($0)"}"#.utf8)), format: .json)
        }
        let meaning = ErrorClass.answer(group: group, code: code, status: status, metadataResource: resource)
        let message = ErrorMessage(group: group, code: code, message: "\(group).\(code)", metadata: metadata)
        return .failed(RivetError(message, meaning, httpStatus: status, retryAfter: retryAfter))
    }

    static func network(_ execution: RivetError.Execution) -> Event {
        .failed(RivetError(.connectionLost, "cut", fault: .network, execution: execution, isTransient: true))
    }

    static let late = Event.failed(RivetError(.deadlineExceeded, "late", fault: .network, execution: .mayHaveRun))

    static let rows = [
        Row(
            testDescription: "B52: what did not run is repeated, with a pause that doubles",
            events: [
                .resolved("a"), remote("actor", "overloaded"), .paused, .resolved("a"), remote("actor", "overloaded"),
                .paused, .resolved("a"),
            ],
            transcript: [
                "resolve", "send a", "pause 0.1", "resolve", "send a", "pause 0.2", "resolve", "send a",
            ]
        ),
        Row(
            testDescription: "B52: a lookup that failed on the way is repeated",
            events: [network(.notSent), .paused],
            transcript: ["resolve", "pause 0.1", "resolve"]
        ),
        Row(
            testDescription: "B53: what may have run is handed out",
            events: [.resolved("a"), network(.mayHaveRun)],
            transcript: ["resolve", "send a", "fail connectionLost mayHaveRun"]
        ),
        Row(
            testDescription: "B53: an idempotent call is repeated, and its error is the worst of all tries",
            isIdempotent: true,
            events: [
                .resolved("a"), network(.mayHaveRun), .paused, .resolved("a"), remote("actor", "action_not_found"),
            ],
            transcript: [
                "resolve", "send a", "pause 0.1", "resolve", "send a", "fail actor.action_not_found mayHaveRun",
            ]
        ),
        Row(
            testDescription: "B53: the same where a later try did not leave before the deadline",
            isIdempotent: true,
            events: [.resolved("a"), network(.mayHaveRun), .deadlinePassed],
            transcript: ["resolve", "send a", "pause 0.1", "fail deadlineExceeded mayHaveRun pausing: cut"]
        ),
        Row(
            testDescription: "B53: what ran is never repeated",
            isIdempotent: true,
            events: [.resolved("a"), remote("user", "no")],
            transcript: ["resolve", "send a", "fail user.no ran"]
        ),
        Row(
            testDescription: "B187: a body that can be read once is not repeated",
            canRepeat: false,
            events: [.resolved("a"), remote("actor", "overloaded")],
            transcript: ["resolve", "send a", "fail actor.overloaded notSent"]
        ),
        Row(
            testDescription: "B30, B31: a stale id is forgotten and looked up anew at once",
            events: [.resolved("a"), remote("actor", "not_found"), .resolved("b")],
            transcript: ["resolve", "send a", "forget a", "resolve", "send b"]
        ),
        Row(
            testDescription: "B33: one id that is not found twice ends the call",
            events: [.resolved("a"), remote("actor", "not_found"), .resolved("a"), remote("actor", "not_found")],
            transcript: [
                "resolve", "send a", "forget a", "resolve", "send a", "forget a", "fail actor.not_found notSent",
            ]
        ),
        Row(
            testDescription: "B33: an instance that is away comes back under its id",
            events: [
                .resolved("a"), remote("actor", "not_found", resource: "instance"), .resolved("a"),
                remote("actor", "not_found", resource: "instance"), .paused, .resolved("a"),
            ],
            transcript: [
                "resolve", "send a", "forget a", "resolve", "send a", "forget a", "pause 0.1", "resolve", "send a",
            ]
        ),
        Row(
            testDescription: "B32: a handle by id has nothing else",
            isPinned: true,
            events: [.resolved("a"), remote("actor", "not_found")],
            transcript: ["resolve", "send a", "forget a", "fail actor.not_found notSent"]
        ),
        Row(
            testDescription: "B33: not found by the lookup itself is final",
            events: [.failed(.actorNotFound("none"))],
            transcript: ["resolve", "fail actor.not_found notSent"]
        ),
        Row(
            testDescription: "B30: an id is forgotten also where the call is not repeated",
            events: [.resolved("a"), remote("actor", "dropped_reply")],
            transcript: ["resolve", "send a", "forget a", "fail actor.dropped_reply mayHaveRun"]
        ),
        Row(
            testDescription: "B150: a repeat waits as long as the server asked, also for a stale id",
            events: [.resolved("a"), remote("actor", "not_found", retryAfter: .seconds(7)), .paused],
            transcript: ["resolve", "send a", "forget a", "pause at least 7.0", "resolve"]
        ),
        Row(
            testDescription: "B150: where that is beyond the deadline, its answer ends the call",
            events: [.resolved("a"), remote("actor", "overloaded", retryAfter: .seconds(7)), .deadlinePassed],
            transcript: ["resolve", "send a", "pause at least 7.0", "fail actor.overloaded notSent"]
        ),
        Row(
            testDescription: "B178: a full queue is told at once",
            isIdempotent: true,
            events: [.resolved("a"), remote("queue", "full")],
            transcript: ["resolve", "send a", "fail queue.full notSent"]
        ),
        Row(
            testDescription: "B55: a deadline in a first try names the phase",
            events: [.resolved("a"), late],
            transcript: ["resolve", "send a", "fail deadlineExceeded mayHaveRun waiting: late"]
        ),
        Row(
            testDescription: "B55: a deadline in a repeat names why there was one",
            events: [network(.notSent), .paused, late],
            transcript: ["resolve", "pause 0.1", "resolve", "fail deadlineExceeded mayHaveRun looking: cut"]
        ),
        Row(
            testDescription: "B60: the engine is asked why an actor does not start",
            events: [.resolved("a"), remote("guard", "actor_runner_failed"), .explained("no_envoys")],
            transcript: ["resolve", "send a", "explain a", "fail actorUnavailable mayHaveRun"]
        ),
        Row(
            testDescription: "B60: without an account of the engine's, its error is handed out",
            events: [.resolved("a"), remote("guard", "actor_ready_timeout"), .explained(nil)],
            transcript: ["resolve", "send a", "explain a", "fail guard.actor_ready_timeout mayHaveRun"]
        ),
        Row(
            testDescription: "B61: destroyed while it was waited for, by id",
            isPinned: true,
            events: [.resolved("a"), remote("actor", "destroyed_while_waiting_for_ready")],
            transcript: ["resolve", "send a", "forget a", "fail actor.not_found notSent"]
        ),
    ]

    @Test("a call over HTTP decides by the answers alone", arguments: rows)
    func transcripts(_ row: Row) {
        var machine = CallStateMachine(
            .action("x"),
            isPinned: row.isPinned,
            isIdempotent: row.isIdempotent,
            canRepeat: row.canRepeat
        )
        var transcript: [String] = []
        var asked: (ActorID, RivetError)?
        var events = row.events[...]
        while true {
            let action = machine.nextAction()
            transcript.append(Self.text(action))
            if case .fail = action { break }
            if case .forget = action { continue }
            if case .explain(let id, let error) = action { asked = (id, error) }
            switch events.popFirst() {
            case .resolved(let id): machine.resolved(id)
            case .failed(let error): machine.failed(error)
            case .paused: machine.paused()
            case .deadlinePassed: machine.deadlinePassed()
            case .explained(let reason):
                if let (id, error) = asked {
                    machine.explained(error, reason.map { ActorStartFailure(actorID: id, kind: $0) })
                }
            case nil:
                #expect(transcript == row.transcript)
                return
            }
        }
        #expect(transcript == row.transcript)
        #expect(events.isEmpty)
    }

    private static func text(_ action: CallStateMachine.Action) -> String {
        switch action {
        case .resolve: "resolve"
        case .send(let id): "send \(id)"
        case .forget(let id): "forget \(id)"
        case .pause(let longest, .zero): "pause \(longest / .seconds(1))"
        case .pause(_, let least): "pause at least \(least / .seconds(1))"
        case .explain(let id, _): "explain \(id)"
        case .fail(let error): text(error)
        }
    }

    private static func text(_ error: RivetError) -> String {
        let name = error.code == .remote ? error.remote.map { "\($0.group).\($0.code)" } ?? "" : error.code.name
        guard error.code == .deadlineExceeded else { return "fail \(name) \(error.execution)" }
        let phase = ["looking", "waiting", "pausing"].filter { error.message.contains(": it was \($0)") }
        let cause = ["late", "cut"].filter { error.message.hasSuffix($0) }
        return "fail \(name) \(error.execution) \(phase.joined()): \(cause.joined())"
    }
}

// SPDX-License-Identifier: Apache-2.0
@testable import RivetAsync

/// A connection's machine with a socket that does as it is told: each step gives what is to be done, in a few words, so
/// that a test reads like a transcript.
struct SteppedMachine {
    typealias Machine = ConnectionStateMachine<Int>

    var machine: Machine
    var now = TimePoint(.seconds(1))
    var canTakeMore = true
    var position: UInt64 = 0
    var lastReceived = TimePoint(.zero)
    /// The last error that a caller got.
    private(set) var lastError: RivetError?

    init(
        policy: ReconnectPolicy = .init(),
        openTimeout: Int = 75,
        maxHeldActions: Int = 8,
        maxHeldBytes: Int = 1_000,
        keepAlive: KeepAlive? = nil,
        nudge: ReplyNudgeStateMachine? = nil
    ) {
        machine = Machine(
            policy: policy,
            openTimeout: .seconds(openTimeout),
            maxHeldActions: maxHeldActions,
            maxHeldBytes: maxHeldBytes,
            keepAlive: keepAlive,
            nudge: nudge,
            now: TimePoint(.zero)
        )
    }

    /// One whose first attempt has opened.
    static func open(
        _ names: [String] = [],
        keepAlive: KeepAlive? = nil,
        nudge: ReplyNudgeStateMachine? = nil
    ) -> Self {
        var fixture = Self(keepAlive: keepAlive, nudge: nudge)
        _ = fixture.start()
        _ = fixture.opened(names)
        _ = fixture.initialized(names)
        return fixture
    }

    mutating func step(_ change: (inout Machine) -> Void) -> [String] {
        change(&machine)
        let (link, now) = (link, now)
        var transcript: [String] = []
        while let action = machine.nextAction(link, now: now) {
            if case .fail(_, let error as RivetError) = action { lastError = error }
            transcript.append(action.said)
        }
        return transcript
    }

    private var link: Machine.Link { Machine.Link(canTakeMore: canTakeMore, position: position) }

    mutating func start() -> [String] {
        let now = now
        return step { $0.start(now: now) }
    }

    mutating func opened(_ names: [String]) -> [String] {
        let now = now
        return step { $0.socketOpened(names: names, now: now) }
    }

    mutating func initialized(_ names: [String]) -> [String] {
        let now = now
        return step {
            $0.receivedInit("a", "c", names: names, isBehindLoss: $0.connectionNumber > 0, now: now)
        }
    }

    /// The wait is over, and the next attempt opens.
    mutating func reopened(_ names: [String] = []) -> [String] {
        timePassed() + opened(names) + initialized(names)
    }

    mutating func ended(_ ending: AttemptEnding, sent: UInt64 = .max, random: Double = 0) -> [String] {
        let now = now
        return step { $0.attemptEnded(ending, sent: sent, now: now, random: random) }
    }

    mutating func answered(_ id: UInt64) -> [String] {
        let output = EncodedValue(bytes: ByteChunk([]), format: .nativeCBOR)
        let now = now
        return step { $0.receivedResponse(id: id, output: output, now: now) }
    }

    /// An error without action id.
    mutating func announced() -> [String] {
        let now = now
        return step { $0.receivedConnectionError(.refusedByTheActor, now: now) }
    }

    mutating func timePassed(_ seconds: Double = 0) -> [String] {
        let then = now.advanced(by: .milliseconds(Int(seconds * 1_000)))
        now = then
        let lastReceived = lastReceived
        return step { $0.timePassed(lastReceived: lastReceived, now: then) }
    }

    mutating func submit(
        _ name: String,
        _ waiter: Int,
        limit: Double = 60,
        cannotWait: RivetError? = nil
    ) -> [String] {
        let (link, now) = (link, now)
        return step {
            $0.submit(
                name: name,
                arguments: ByteChunk([]),
                limit: .milliseconds(Int(limit * 1_000)),
                calledAt: now,
                waiter: waiter,
                cannotWait: cannotWait,
                link,
                now: now
            )
        }
    }

    mutating func wish(_ name: String, _ isWanted: Bool) -> [String] {
        let canTakeMore = canTakeMore
        return step { $0.subscriptionChanged(name, isWanted: isWanted, canTakeMore: canTakeMore) }
    }
}

extension AttemptEnding {
    static let reset = AttemptEnding(
        error: RivetError(.connectionLost, "reset", fault: .network, isTransient: true)
    )
    static let refusedByTheActor = AttemptEnding(
        error: RivetError(.remote, "no", fault: .actor, remote: RemoteError(group: "user", code: "no", message: "no")),
        isPermanent: true
    )
}

extension ConnectionStateMachine<Int>.Action {
    var said: String {
        switch self {
        case .report(.connecting(let attempt)): "connecting \(attempt)"
        case .report(.connected(let info)): "connected \(info.connectionNumber)"
        case .report(.waiting(let state)): "waiting \(state.attempt) \(state.delay) \(state.cause.code.name)"
        case .report(.paused): "paused"
        case .report(.closed(.requested)): "closed requested"
        case .report(.closed(.failed(let error))): "closed \(error.code.name)"
        case .beginAttempt: "attempt"
        case .endAttempt(let ending): "end attempt \(ending.error.code.name)"
        case .sendSubscription(let name, let subscribe): "\(subscribe ? "subscribe" : "unsubscribe") \(name)"
        case .sendNudge: "nudge"
        case .sendAction(let entry): "action \(entry.id) \(entry.name)"
        case .succeed(let waiter, _): "succeed \(waiter)"
        case .fail(let waiter, let error as RivetError): "fail \(waiter) \(error.code.name) \(error.execution)"
        case .fail(let waiter, _): "fail \(waiter) cancelled"
        case .dropAnswer(let id): "drop answer \(id)"
        case .markReconnected(let info): "mark reconnected \(info.connectionNumber)"
        case .sendPing(let id): "ping \(id)"
        case .failSocket(let timeout): "fail socket, silent for \(timeout)"
        case .suspendReading: "suspend reading"
        case .resumeReading: "resume reading"
        case .closeSocket: "close socket"
        case .endFeeds(let error): error.map { "end feeds \($0.code.name)" } ?? "end feeds"
        case .finish: "finish"
        }
    }
}

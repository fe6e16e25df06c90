// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Who gets which connection, as transcripts: what happened on the left, what the machine wants on the right.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct HTTPPoolStateMachineTests {
    enum Event: Sendable {
        case brief, linger
        case cancel(Int)
        case opened(Int), failed(Int), freed(Int, at: Int = 0), closed(Int)
        case time(Int)
        case close
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var limit = 2
        let steps: [(Event, String)]
        /// Connections in all, idle ones, waiting calls.
        let left: [Int]
    }

    static let rows = [
        Row(
            testDescription: "calls one after the other use one connection",
            steps: [
                (.brief, "open 1 for 1"), (.opened(1), ""), (.freed(1), "wake at 30"), (.brief, "use 1 for 2"),
                (.freed(1, at: 1), ""),
            ],
            left: [1, 1, 0]
        ),
        Row(
            testDescription: "calls together have their own, the last that was used is used first",
            limit: 3,
            steps: [
                (.brief, "open 1 for 1"), (.brief, "open 2 for 2"), (.opened(2), ""), (.opened(1), ""),
                (.freed(1), "wake at 30"), (.freed(2), ""), (.brief, "use 2 for 3"), (.brief, "use 1 for 4"),
            ],
            left: [2, 0, 0]
        ),
        Row(
            testDescription: "who has no place waits in order, and gets what another leaves",
            steps: [
                (.brief, "open 1 for 1"), (.opened(1), ""), (.brief, "open 2 for 2"), (.opened(2), ""), (.brief, ""),
                (.brief, ""), (.brief, ""), (.freed(2), "use 2 for 3"), (.freed(1), "use 1 for 4"),
                (.freed(1), "use 1 for 5"), (.freed(1), "wake at 30"),
            ],
            left: [2, 1, 0]
        ),
        Row(
            testDescription: "a connection that ends, or does not open, leaves its place to the first in line",
            limit: 1,
            steps: [
                (.brief, "open 1 for 1"), (.brief, ""), (.brief, ""), (.failed(1), "open 2 for 2"), (.opened(2), ""),
                (.closed(2), "open 3 for 3"), (.failed(3), ""),
            ],
            left: [0, 0, 0]
        ),
        Row(
            testDescription: "who is cancelled in line is dropped; who has a connection keeps it",
            limit: 1,
            steps: [
                (.brief, "open 1 for 1"), (.brief, ""), (.linger, ""), (.cancel(2), "drop 2"), (.cancel(2), ""),
                (.cancel(1), ""), (.opened(1), ""), (.cancel(3), "drop 3"), (.freed(1), "wake at 30"),
            ],
            left: [1, 1, 0]
        ),
        Row(
            testDescription: "B51: those that linger leave a quarter of eight to the others, who overtake them",
            limit: 8,
            steps: [
                (.linger, "open 1 for 1"), (.linger, "open 2 for 2"), (.linger, "open 3 for 3"),
                (.linger, "open 4 for 4"), (.linger, "open 5 for 5"), (.linger, "open 6 for 6"), (.linger, ""),
                (.brief, "open 7 for 8"), (.brief, "open 8 for 9"), (.brief, ""), (.opened(7), ""),
                (.freed(7), "use 7 for 10"), (.freed(7), "wake at 30"), (.linger, ""), (.brief, "use 7 for 12"),
                (.opened(1), ""), (.freed(1), "use 1 for 7"), (.freed(1), "use 1 for 11"), (.freed(7), ""),
            ],
            left: [8, 1, 0]
        ),
        Row(
            testDescription: "B51: one of two, though a quarter of two is less",
            steps: [
                (.linger, "open 1 for 1"), (.linger, ""), (.brief, "open 2 for 3"), (.brief, ""), (.opened(1), ""),
                (.opened(2), ""), (.freed(2), "use 2 for 4"), (.freed(2), "wake at 30"), (.freed(1), "use 1 for 2"),
            ],
            left: [2, 1, 0]
        ),
        Row(
            testDescription: "B51: of one nothing is kept",
            limit: 1,
            steps: [
                (.linger, "open 1 for 1"), (.linger, ""), (.brief, ""), (.opened(1), ""), (.freed(1), "use 1 for 2"),
            ],
            left: [1, 0, 1]
        ),
        Row(
            testDescription: "B51: where both may go on, the one that came first does",
            steps: [
                (.linger, "open 1 for 1"), (.brief, "open 2 for 2"), (.brief, ""), (.linger, ""), (.brief, ""),
                (.opened(1), ""), (.opened(2), ""), (.freed(1), "use 1 for 3"), (.freed(1), "use 1 for 4"),
                (.freed(2), "use 2 for 5"),
            ],
            left: [2, 0, 0]
        ),
        Row(
            testDescription: "B51: one that lingered and ended lets the next of its kind have an idle connection",
            limit: 3,
            steps: [
                (.linger, "open 1 for 1"), (.opened(1), ""), (.linger, "open 2 for 2"), (.opened(2), ""),
                (.brief, "open 3 for 3"), (.opened(3), ""), (.freed(3), "wake at 30"), (.linger, ""),
                (.closed(1), "use 3 for 4"),
            ],
            left: [2, 0, 0]
        ),
        Row(
            testDescription: "all that calls needed at the same time stay, and those that are used no more go",
            limit: 3,
            steps: [
                (.brief, "open 1 for 1"), (.brief, "open 2 for 2"), (.brief, "open 3 for 3"), (.opened(1), ""),
                (.opened(2), ""), (.opened(3), ""), (.freed(1), "wake at 30"), (.freed(2), ""), (.freed(3), ""),
                (.brief, "use 3 for 4"), (.brief, "use 2 for 5"), (.freed(2, at: 20), ""), (.freed(3, at: 20), ""),
                (.time(30), "close 1, wake at 50"), (.closed(1), ""),
            ],
            left: [2, 2, 0]
        ),
        Row(
            testDescription: "what is idle for too long is closed, and one timer is enough",
            limit: 3,
            steps: [
                (.brief, "open 1 for 1"), (.brief, "open 2 for 2"), (.opened(1), ""), (.opened(2), ""),
                (.freed(1, at: 0), "wake at 30"), (.freed(2, at: 10), ""), (.time(30), "close 1, wake at 40"),
                (.closed(1), ""), (.brief, "use 2 for 3"), (.time(40), ""), (.freed(2, at: 41), "wake at 71"),
                (.closed(2), ""), (.time(71), ""),
            ],
            left: [0, 0, 0]
        ),
        Row(
            testDescription: "an idle one that the peer ended is not used",
            steps: [
                (.brief, "open 1 for 1"), (.opened(1), ""), (.freed(1), "wake at 30"), (.closed(1), ""),
                (.brief, "open 2 for 2"), (.closed(1), ""),
            ],
            left: [1, 0, 0]
        ),
        Row(
            testDescription: "the end drops who waits and closes what there is, then what is still being opened",
            limit: 3,
            steps: [
                (.brief, "open 1 for 1"), (.brief, "open 2 for 2"), (.brief, "open 3 for 3"), (.linger, ""),
                (.brief, ""), (.opened(1), ""), (.opened(2), ""), (.close, "drop 5, drop 4, close 1, close 2"),
                (.freed(1), ""), (.opened(3), "close 3"), (.brief, "drop 6"), (.closed(1), ""), (.closed(2), ""),
                (.closed(3), ""), (.close, ""),
            ],
            left: [0, 0, 0]
        ),
        Row(
            testDescription: "what is over cannot be told again",
            steps: [
                (.brief, "open 1 for 1"), (.freed(1), ""), (.opened(1), ""), (.opened(1), ""), (.opened(7), ""),
                (.freed(7), ""), (.failed(7), ""), (.cancel(7), ""), (.freed(1), "wake at 30"), (.freed(1), ""),
            ],
            left: [1, 1, 0]
        ),
    ]

    @Test("B51: who gets which connection", arguments: rows)
    func transcript(_ row: Row) {
        var machine = HTTPPoolStateMachine<TimePoint>(
            maxConnections: row.limit,
            idleTimeout: .seconds(30)
        )
        for (index, (event, expected)) in row.steps.enumerated() {
            switch event {
            case .brief: _ = machine.submit(.brief)
            case .linger: _ = machine.submit(.lingering)
            case .cancel(let call): machine.cancel(call)
            case .opened(let connection): machine.opened(connection)
            case .failed(let connection): machine.openFailed(connection)
            case .freed(let connection, let time): machine.freed(connection, now: TimePoint(.seconds(time)))
            case .closed(let connection): machine.closed(connection)
            case .time(let time): machine.timePassed(now: TimePoint(.seconds(time)))
            case .close: machine.close()
            }
            var actions: [String] = []
            while let action = machine.nextAction() { actions.append(Self.text(action)) }
            #expect(actions.joined(separator: ", ") == expected, "step \(index), \(event)")
        }
        let counts = machine.counts
        #expect([counts.all, counts.idle, counts.waiting] == row.left)
    }

    static func text(_ action: HTTPPoolStateMachine<TimePoint>.Action) -> String {
        switch action {
        case .use(let connection, let call): "use \(connection) for \(call)"
        case .open(let connection, let call): "open \(connection) for \(call)"
        case .drop(let call): "drop \(call)"
        case .close(let connection): "close \(connection)"
        case .wakeUp(let time): "wake at \(time.sinceStart.components.seconds)"
        }
    }

    @Test(
        "B51: how many may linger",
        arguments: [(1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (8, 6), (64, 48), (1_000, 750)]
    )
    func places(_ limit: Int, _ expected: Int) {
        var machine = HTTPPoolStateMachine<TimePoint>(maxConnections: limit, idleTimeout: .seconds(30))
        for _ in 0..<(2 * limit) { _ = machine.submit(.lingering) }
        #expect(machine.counts.all == expected)
        for _ in 0..<(2 * limit) { _ = machine.submit(.brief) }
        #expect(machine.counts.all == limit)
    }

    /// Calls, ends and cancellations in random order: nobody is lost, and no limit is passed.
    @Test("B51: nobody is forgotten, whatever the order", arguments: [1 as UInt64, 2, 3, 4, 5])
    func random(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...9, using: &random)
        var machine = HTTPPoolStateMachine<TimePoint>(maxConnections: limit, idleTimeout: .seconds(3))
        var kinds: [Int: HTTPCallKind] = [:]
        var waiting: Set<Int> = []
        var (opening, used): ([Int: Int], [Int: Int]) = ([:], [:])
        var closing: Set<Int> = []
        var now = 0
        func carryOut() {
            while let action = machine.nextAction() {
                switch action {
                case .use(let connection, let call):
                    #expect(waiting.remove(call) != nil)
                    #expect(used[connection] == nil && opening[connection] == nil && !closing.contains(connection))
                    used[connection] = call
                case .open(let connection, let call):
                    #expect(waiting.remove(call) != nil)
                    opening[connection] = call
                case .drop(let call): #expect(waiting.remove(call) != nil)
                case .close(let connection):
                    #expect(used[connection] == nil)
                    closing.insert(connection)
                case .wakeUp: break
                }
            }
            let busy = Array(used.values) + Array(opening.values)
            #expect(machine.counts.all <= limit)
            #expect(machine.counts.waiting == waiting.count)
            #expect(busy.filter { kinds[$0] == .lingering }.count <= max(1, limit - max(1, limit / 4)))
            let hasRoom = machine.counts.idle > 0 || machine.counts.all < limit
            #expect(!hasRoom || !waiting.contains { kinds[$0] == .brief }, "a place, and somebody waits")
        }
        for _ in 0..<3_000 {
            now += 1
            switch Int.random(in: 0..<10, using: &random) {
            case 0...2:
                let kind: HTTPCallKind = Bool.random(using: &random) ? .brief : .lingering
                let call = machine.submit(kind)
                kinds[call] = kind
                waiting.insert(call)
            case 3: if let call = waiting.randomElement(using: &random) { machine.cancel(call) }
            case 4, 5:
                if let (connection, call) = opening.randomElement(using: &random) {
                    opening[connection] = nil
                    if Bool.random(using: &random) {
                        used[connection] = call
                        machine.opened(connection)
                    } else {
                        machine.openFailed(connection)
                    }
                }
            case 6, 7:
                if let connection = used.keys.randomElement(using: &random) {
                    used[connection] = nil
                    machine.freed(connection, now: TimePoint(.seconds(now)))
                }
            case 8:
                if let connection = used.keys.randomElement(using: &random) {
                    used[connection] = nil
                    machine.closed(connection)
                } else if let connection = closing.popFirst() {
                    machine.closed(connection)
                }
            default:
                machine.timePassed(now: TimePoint(.seconds(now)))
                for connection in closing { machine.closed(connection) }
                closing = []
            }
            carryOut()
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// One request and its answer, as transcripts: what happened on the left, what the machine wants on the right.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct HTTPExchangeStateMachineTests {
    enum Event: Sendable {
        case begin
        /// The output has room for so many writes.
        case room(Int)
        case submit(Int)
        case produced, producerFailed
        case head, body, fullBody, turn, end, endOfConnection
        case bufferHasRoom, abandon
        case stop, closed
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var body = HTTPExchangeStateMachine.Body.bytes(0)
        var handOut = HTTPExchangeStateMachine.HandOut.head(stopsDeadline: false)
        /// Writes for which there is room at the beginning.
        var room = 1_000
        let steps: [(Event, String)]
    }

    static let rows = [
        Row(
            testDescription: "an answer in one turn",
            steps: [
                (.begin, "head"), (.head, ""), (.body, ""), (.end, "give back, finish body, end, hand out"),
                (.turn, ""),
            ]
        ),
        Row(
            testDescription: "an answer in several turns",
            steps: [
                (.begin, "head"), (.turn, ""), (.head, ""), (.turn, "hand out"), (.body, ""), (.body, ""),
                (.turn, "wake reader"), (.body, ""), (.end, "give back, end, finish body"), (.turn, ""),
            ]
        ),
        Row(
            testDescription: "a peer that closes behind its answer",
            steps: [
                (.begin, "head"), (.head, ""), (.endOfConnection, "close: not reusable, finish body, end, hand out"),
            ]
        ),
        Row(
            testDescription: "a body leaves in pieces, as there is room",
            body: .bytes(25),
            room: 1,
            steps: [
                (.begin, "head, 10 bytes"), (.room(0), ""), (.room(1), "10 bytes"), (.room(5), "5 bytes"),
                (.room(5), ""),
                (.head, ""), (.end, "give back, finish body, end, hand out"),
            ]
        ),
        Row(
            testDescription: "an answer that comes before the body has left ends the connection",
            body: .bytes(25),
            room: 2,
            steps: [
                (.begin, "head, 10 bytes, 10 bytes"), (.head, ""),
                (.end, "close: not reusable, finish body, end, hand out"), (.room(5), ""),
            ]
        ),
        Row(
            testDescription: "pieces of no announced length",
            body: .stream(length: nil),
            steps: [
                (.begin, "head, start producer"), (.submit(15), "10 bytes, 5 bytes, resume producer"),
                (.submit(1), "1 bytes, resume producer"), (.produced, "write end"), (.head, ""), (.turn, "hand out"),
                (.end, "give back, end, finish body"),
            ]
        ),
        Row(
            testDescription: "the producer waits for room",
            body: .stream(length: nil),
            room: 1,
            steps: [
                (.begin, "head, start producer"), (.submit(15), "10 bytes"), (.room(1), "5 bytes"),
                (.room(0), ""), (.room(1), "resume producer"), (.room(1), ""),
            ]
        ),
        Row(
            testDescription: "a length that is reached",
            body: .stream(length: 12),
            steps: [
                (.begin, "head, start producer"), (.submit(10), "10 bytes, resume producer"),
                (.submit(2), "2 bytes, resume producer"), (.produced, ""), (.head, ""),
                (.end, "give back, finish body, end, hand out"),
            ]
        ),
        Row(
            testDescription: "with its last byte an announced length is whole, before the producer has noticed",
            body: .stream(length: 2),
            room: 1,
            steps: [
                (.begin, "head, start producer"), (.submit(2), "2 bytes"), (.head, ""),
                (.end, "resume producer, give back, finish body, end, hand out"), (.produced, ""),
            ]
        ),
        Row(
            testDescription: "a piece too many",
            body: .stream(length: 12),
            steps: [
                (.begin, "head, start producer"), (.submit(10), "10 bytes, resume producer"),
                (.submit(5), "refuse: 15 of 12, close: 15 of 12"), (.closed, "end, fail caller"), (.produced, ""),
            ]
        ),
        Row(
            testDescription: "a piece too few",
            body: .stream(length: 12),
            steps: [
                (.begin, "head, start producer"), (.submit(10), "10 bytes, resume producer"),
                (.produced, "close: 10 of 12"), (.closed, "end, fail caller"),
            ]
        ),
        Row(
            testDescription: "a producer that fails",
            body: .stream(length: nil),
            steps: [
                (.begin, "head, start producer"), (.producerFailed, "close: producer failed"),
                (.closed, "end, fail caller"), (.producerFailed, ""),
            ]
        ),
        Row(
            testDescription: "an answer before the last piece, of which the producer hears with its next",
            body: .stream(length: nil),
            steps: [
                (.begin, "head, start producer"), (.head, ""),
                (.end, "close: not reusable, finish body, end, hand out"),
                (.submit(3), "refuse: over"), (.produced, ""),
            ]
        ),
        Row(
            testDescription: "a reader that is slower than the peer",
            steps: [
                (.begin, "head"), (.head, ""), (.turn, "hand out"), (.fullBody, "suspend"), (.turn, "wake reader"),
                (.bufferHasRoom, "resume"), (.body, ""), (.end, "give back, end, finish body"),
                (.bufferHasRoom, ""),
            ]
        ),
        Row(
            testDescription: "a reader that leaves",
            steps: [
                (.begin, "head"), (.head, ""), (.turn, "hand out"), (.abandon, "close: abandoned"),
                (.closed, "end, fail body"), (.abandon, ""),
            ]
        ),
        Row(
            testDescription: "a reader that leaves when all is here costs no connection",
            steps: [
                (.begin, "head"), (.head, ""), (.end, "give back, finish body, end, hand out"), (.abandon, ""),
            ]
        ),
        Row(
            testDescription: "a connection that ends before the head",
            steps: [(.begin, "head"), (.closed, "end, fail caller"), (.stop, ""), (.turn, "")]
        ),
        Row(
            testDescription: "a connection that ends in the body",
            steps: [
                (.begin, "head"), (.head, ""), (.turn, "hand out"), (.body, ""), (.closed, "end, fail body"),
                (.turn, ""),
            ]
        ),
        Row(
            testDescription: "a connection that ends in the turn of the head: what came is read, then the failure",
            steps: [(.begin, "head"), (.head, ""), (.body, ""), (.closed, "fail body, end, hand out"), (.turn, "")]
        ),
        Row(
            testDescription: "stopped before it began, it leaves the connection as it is",
            steps: [(.stop, "give back, end, fail caller: nothing left"), (.stop, "")]
        ),
        Row(
            testDescription: "stopped while it waits",
            steps: [(.begin, "head"), (.stop, "close: stopped"), (.closed, "end, fail caller")]
        ),
        Row(
            testDescription: "a deadline that is for the head only",
            handOut: .head(stopsDeadline: true),
            steps: [(.begin, "head"), (.head, "end deadline"), (.turn, "hand out"), (.stop, "close: stopped")]
        ),
        Row(
            testDescription: "a whole answer is handed out at its end only",
            handOut: .whole(limit: 10),
            steps: [
                (.begin, "head"), (.head, ""), (.turn, ""), (.body, ""), (.turn, ""), (.body, ""),
                (.end, "give back, finish body, end, hand out"), (.turn, ""),
            ]
        ),
        Row(
            testDescription: "a whole answer that becomes too large",
            handOut: .whole(limit: 9),
            steps: [
                (.begin, "head"), (.head, ""), (.body, ""), (.body, "close: more than 9"),
                (.body, "close: more than 9"),
                (.closed, "end, fail caller"), (.turn, ""),
            ]
        ),
        Row(
            testDescription: "a whole answer that breaks off, in the turn of its head or later",
            handOut: .whole(limit: 10),
            steps: [(.begin, "head"), (.head, ""), (.body, ""), (.closed, "end, fail caller"), (.turn, "")]
        ),
        Row(
            testDescription: "stopped within an answer that is to be whole",
            handOut: .whole(limit: 10),
            steps: [
                (.begin, "head"), (.head, ""), (.turn, ""), (.stop, "close: stopped"), (.closed, "end, fail caller"),
            ]
        ),
        Row(
            testDescription: "stopped when it is over, the connection is another's",
            steps: [
                (.begin, "head"), (.head, ""), (.end, "give back, finish body, end, hand out"), (.stop, ""),
                (.closed, ""),
            ]
        ),
    ]

    @Test(arguments: rows)
    func transcript(_ row: Row) {
        var machine = HTTPExchangeStateMachine(row.body, pieceSize: 10, row.handOut)
        var room = row.room
        for (index, (event, expected)) in row.steps.enumerated() {
            switch event {
            case .begin: machine.begin()
            case .room(let more): room = more
            case .submit(let count): machine.submit(count)
            case .produced: machine.producerEnded(succeeded: true)
            case .producerFailed: machine.producerEnded(succeeded: false)
            case .head: machine.receivedHead()
            case .body: machine.receivedBody(5, bufferIsFull: false)
            case .fullBody: machine.receivedBody(5, bufferIsFull: true)
            case .turn: machine.receivedAll()
            case .end: machine.receivedEnd(peerKeepsAlive: true)
            case .endOfConnection: machine.receivedEnd(peerKeepsAlive: false)
            case .bufferHasRoom: machine.bufferHasRoom()
            case .abandon: machine.abandon()
            case .stop: machine.stop()
            case .closed: machine.connectionClosed()
            }
            var actions: [String] = []
            while let action = machine.nextAction(hasRoom: room > 0) {
                if case .write = action { room -= 1 }
                actions.append(Self.text(action))
            }
            #expect(actions.joined(separator: ", ") == expected, "step \(index), \(event)")
        }
    }

    static func text(_ action: HTTPExchangeStateMachine.Action) -> String {
        switch action {
        case .writeHead: "head"
        case .startProducer: "start producer"
        case .write(let count): "\(count) bytes"
        case .writeEnd: "write end"
        case .resumeProducer: "resume producer"
        case .refuseProducer(let reason): "refuse: \(text(reason))"
        case .suspendReading: "suspend"
        case .resumeReading: "resume"
        case .endDeadline: "end deadline"
        case .handOut: "hand out"
        case .wakeReader: "wake reader"
        case .finishBody: "finish body"
        case .failCaller(requestLeft: true): "fail caller"
        case .failCaller(requestLeft: false): "fail caller: nothing left"
        case .failBody: "fail body"
        case .end: "end"
        case .giveBack: "give back"
        case .close(let reason): "close: \(text(reason))"
        }
    }

    static func text(_ reason: HTTPExchangeStateMachine.Reason) -> String {
        switch reason {
        case .stopped: "stopped"
        case .abandoned: "abandoned"
        case .producerFailed: "producer failed"
        case .length(let announced, let actual): "\(actual) of \(announced)"
        case .notReusable: "not reusable"
        case .over: "over"
        case .tooLarge(let limit): "more than \(limit)"
        }
    }
}

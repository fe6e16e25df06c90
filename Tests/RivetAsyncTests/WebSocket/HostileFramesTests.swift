// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(10)))
struct HostileFramesTests {
    /// The error comes with the byte that is wrong, in every cutting; the memory is bounded by what has come.
    @Test(arguments: HostileFrames.rows)
    func failsAtTheBadByte(_ row: HostileFrames) {
        let expected =
            row.before + [
                .sendClose(WebSocketClosing(row.error.closeCode)), .report(.failed(.violation(row.error))),
                .finishWriting, .setDeadline(TimePoint(.seconds(5))),
            ]
        for pieces in cuttings(row.bytes) {
            var machine = WebSocketStateMachine(.init(role: row.role, limits: row.limits))
            var actions: [Action] = []
            for (index, piece) in pieces.enumerated() {
                if index == pieces.count - 1 {
                    #expect(actions == row.before.prefix(actions.count).map { $0 }, "not before its byte")
                }
                actions += machine.actions(for: piece)
                #expect(machine.retainedSize <= (1 << 20) + 65_536)
            }
            #expect(actions == expected)
            #expect(machine.actions(for: row.bytes) == [], "nothing is read after it")
            machine.receivedEnd(.finished)
            #expect(machine.takeActions() == [.closeStream])
        }
    }

    @Test func everyRowSaysWhatWasWrong() {
        #expect(HostileFrames.rows.count >= 45)
        #expect(Set(HostileFrames.rows.map(\.name)).count == HostileFrames.rows.count)
        for row in HostileFrames.rows { #expect(!row.error.description.isEmpty) }
    }

    /// All at once, and with the last byte alone: it must not fail before.
    private func cuttings(_ bytes: [UInt8]) -> [[[UInt8]]] {
        var cuttings = [[bytes], [Array(bytes.dropLast()), Array(bytes.suffix(1))]]
        if bytes.count < 500 { cuttings.append(bytes.map { [$0] }) }
        return cuttings
    }

    struct Ending: Sendable {
        let name: String
        let bytes: [UInt8]
        let end: StreamEnding
    }

    @Test(arguments: [
        Ending(name: "at first", bytes: [], end: .finished),
        Ending(name: "within a head", bytes: [0x82, 127, 0], end: .finished),
        Ending(name: "within a payload", bytes: [0x82, 5, 1], end: .finished),
        Ending(name: "within a message", bytes: frame(2, [1], isFinal: false), end: .finished),
        Ending(name: "by a failure", bytes: [0x82], end: .failed(.laneShutDown)),
    ])
    func anEndWithoutCloseIsAFailure(_ row: Ending) {
        var machine = WebSocketStateMachine(.init(role: .client))
        #expect(machine.actions(for: row.bytes) == [])
        machine.receivedEnd(row.end)
        // Who only writes no more may read on.
        let close: [WebSocketStateMachine.Action] =
            row.end == .finished ? [.sendClose(WebSocketClosing(.protocolError))] : []
        #expect(machine.takeActions() == [.report(.failed(.ended(row.end)))] + close + [.closeStream])
        #expect(machine.actions(for: frame(1)) == [])
    }

    @Test func emptyFragmentsWithoutEndTakeNoMemory() {
        var machine = WebSocketStateMachine(.init(role: .client))
        _ = machine.actions(for: frame(1, isFinal: false))
        let flood = (0..<1_000).flatMap { _ in frame(0, isFinal: false) }
        for _ in 0..<20 { #expect(machine.actions(for: flood) == []) }
        #expect(machine.retainedSize == 0)
    }

    /// Mutated conversations: no trap, no hang, bounded memory, and the same actions in every cutting.
    @Test func mutatedConversations() {
        let count = TestScale.count(full: 500_000, byDefault: 1_000)
        let seed = SeededGenerator.printedSeed
        print("mutated conversations: \(count) inputs, seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<count {
            let role: WebSocketRole = Bool.random(using: &generator) ? .client : .server
            let bytes = mutate(conversation(role, &generator), &generator)
            let whole = run(bytes, role, pieces: bytes.count, &generator)
            let cut = run(bytes, role, pieces: 1 + Int.random(in: 0..<8, using: &generator), &generator)
            guard whole == cut else {
                Issue.record("seed \(seed): \(role) \(bytes): \(whole) in one, \(cut) in parts")
                return
            }
        }
    }

    private func conversation(_ role: WebSocketRole, _ generator: inout SeededGenerator) -> [UInt8] {
        let opcodes: [UInt8] = [0, 1, 2, 8, 9, 10]
        return (0..<Int.random(in: 1...5, using: &generator)).flatMap { _ in
            let size = [0, 1, 2, 5, 125, 126, 300].randomElement(using: &generator) ?? 0
            let opcode = opcodes.randomElement(using: &generator) ?? 1
            let text = (0..<size / 3).flatMap { _ in Array("€".utf8) }
            return frame(
                opcode,
                opcode == 8
                    ? [0x03, 0xE8] + text.prefix(9) : Bool.random(using: &generator) ? text : Array(text.dropLast()),
                isFinal: opcode >= 8 || Bool.random(using: &generator),
                mask: role == .server ? [1, 2, 3, 4] : nil
            )
        }
    }

    private func mutate(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes.remove(at: index)
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
            case 4: bytes.removeSubrange(index...)
            default: bytes.insert(contentsOf: bytes[..<min(index, 20)], at: index)
            }
        }
        return bytes
    }

    private func run(
        _ bytes: [UInt8],
        _ role: WebSocketRole,
        pieces: Int,
        _ generator: inout SeededGenerator
    ) -> [Action] {
        let limits = WebSocketLimits(maxFrameSize: 4_000, maxMessageSize: 5_000)
        var machine = WebSocketStateMachine(.init(role: role, limits: limits))
        var actions: [Action] = []
        var start = 0
        let all = ByteChunk(bytes)
        while start < bytes.count {
            let end = min(start + Int.random(in: 1...max(pieces, 1), using: &generator), bytes.count)
            machine.received(all.slice(start..<end), now: TimePoint(.zero))
            while let action = machine.nextAction() {
                actions += action.separated
                if actions.count > bytes.count + 5 { return actions }
            }
            start = end
        }
        if machine.retainedSize > bytes.count + 4_000 + 5_000 + 65_536 { actions.append(.closeStream) }
        return actions
    }
}

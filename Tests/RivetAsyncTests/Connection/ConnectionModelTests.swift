// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What holds for a connection whatever happens: a million steps at random at full scale.
@Suite(.leavesNothing, .timeLimit(.minutes(10)))
struct ConnectionModelTests {
    @Test func holdsWhateverHappens() throws {
        let first = SeededGenerator.printedSeed
        let steps = TestScale.count(full: 1_000_000, byDefault: 50_000)
        var coverage: [String: [ConnectionModel.Input: Int]] = [:]
        var (taken, nudges, pings, seed) = (0, 0, 0, first)
        while taken < steps {
            seed &+= 1
            var model = ConnectionModel(seed: seed)
            var path: [String] = []
            do {
                for _ in 0..<400 where !model.isFinished {
                    taken += 1
                    try model.step { state, input in
                        coverage[state, default: [:]][input, default: 0] += 1
                        path.append(input.rawValue)
                    }
                }
                if !model.isFinished { try model.end() }
                nudges += model.nudges
                pings += model.pings
            } catch {
                Issue.record("seed \(seed), step \(path.count): \(error)\n\(path.suffix(12).joined(separator: " "))")
                return
            }
        }
        print("connection model: \(taken) steps, \(nudges) nudges, \(pings) pings, first seed \(first)")
        for (state, inputs) in coverage.sorted(by: { $0.key < $1.key }) {
            let counts = ConnectionModel.Input.allCases.map { "\($0.rawValue) \(inputs[$0] ?? 0)" }
            print("  \(state): \(counts.joined(separator: ", "))")
        }
        #expect(nudges > 0)
        #expect(pings > 0)
        // Everything that can happen in a state has happened.
        let anywhere: [ConnectionModel.Input] = [
            .submit, .withdraw, .wish, .time, .retryNow, .pause, .resume, .disconnect, .response, .actionError, .pong,
            .release,
        ]
        let onASocket: [ConnectionModel.Input] = [.room, .initial, .connectionError, .ended, .hold]
        for (state, inputs) in [
            ("connecting", anywhere + [.opened, .ended]), ("upgraded", anywhere + onASocket),
            ("open", anywhere + onASocket), ("waiting", anywhere), ("pausing", anywhere + onASocket),
            ("paused", anywhere), ("closing", anywhere + onASocket),
        ] {
            for input in inputs { #expect(coverage[state]?[input] != nil, "\(input) while \(state)") }
        }
    }
}

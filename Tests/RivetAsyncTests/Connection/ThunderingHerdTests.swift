// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// A thousand connections that lose their server in the same moment, and it stays away.
struct ThunderingHerdTests {
    /// When each attempt began, in seconds after the loss: those of round 0 are the first retries.
    static func attempts(rounds: Int, seed: UInt64) -> [[Double]] {
        var random = SeededGenerator(seed: seed)
        var attempts = [[Double]](repeating: [], count: rounds)
        for _ in 0..<1_000 {
            var fixture = SteppedMachine.open()
            let lost = fixture.now
            for round in 0..<rounds {
                _ = fixture.ended(.reset, random: Double.random(in: 0..<1, using: &random))
                guard let deadline = fixture.machine.nextDeadline else {
                    Issue.record("no attempt follows")
                    break
                }
                fixture.now = deadline
                #expect(fixture.timePassed().last == "attempt")
                attempts[round].append(lost.duration(to: fixture.now) / .seconds(1))
            }
        }
        return attempts
    }

    /// How many of them lie in the fullest stretch of so many seconds.
    static func most(_ times: [Double], within seconds: Double) -> Int {
        let times = times.sorted()
        var (most, first) = (0, 0)
        for (index, time) in times.enumerated() {
            while times[first] <= time - seconds { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }

    @Test("B154: they come back spread out, and the longer the outage lasts the more", arguments: 1...10)
    func spread(_ seed: UInt64) {
        let rounds = Self.attempts(rounds: 14, seed: seed)
        #expect(rounds.map(\.count) == Array(repeating: 1_000, count: 14))
        // Uniform over 250 ms: 400 are expected.
        #expect(Self.most(rounds[0], within: 0.1) <= 600)
        // All that follow the third retry overlap more than any later ones: 1,200 are expected, and 700 behind the fourth.
        #expect(Self.most(Array(rounds[3...].joined()), within: 2) <= 1_300)
        #expect(Self.most(Array(rounds[4...].joined()), within: 2) <= 1_000)
        // In the end one attempt in 15 s each.
        #expect(Self.most(rounds[12], within: 2) <= 200)
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A small generator that gives the same numbers for the same seed everywhere (xorshift64*).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Given by RIVET_TEST_SEED, or a new one for each run; the test prints it.
    static var printedSeed: UInt64 {
        let given = ProcessInfo.processInfo.environment["RIVET_TEST_SEED"].flatMap { UInt64($0) }
        return given ?? UInt64.random(in: 1...UInt64.max)
    }

    init(seed: UInt64) { state = seed | 1 }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 2_685_821_657_736_338_717
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A small generator that gives the same numbers for the same seed everywhere (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Given by RIVET_TEST_SEED, or a new one for each run; the test prints it.
    static var printedSeed: UInt64 {
        let given = ProcessInfo.processInfo.environment["RIVET_TEST_SEED"].flatMap { UInt64($0) }
        return given ?? UInt64.random(in: 1...UInt64.max)
    }

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

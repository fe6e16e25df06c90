// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How much of a long table or random test is run: `RIVET_TEST_SCALE`, 1 being all of it.
enum TestScale {
    /// `full` times the scale; at least one.
    ///
    /// Without the variable it is `byDefault`.
    static func count(full: Int, byDefault: Int) -> Int {
        guard let text = ProcessInfo.processInfo.environment["RIVET_TEST_SCALE"], let scale = Double(text) else {
            return byDefault
        }
        return max(1, Int(Double(full) * scale))
    }
}

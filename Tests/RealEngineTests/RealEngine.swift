// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Rivet's own engine, where the environment names one; CONTRIBUTING.md lists the variables.
enum RealEngine {
    /// `RIVET_TEST_ENDPOINT`: where it answers, with the token in front of the host where it asks for one.
    static let endpoint = variable("RIVET_TEST_ENDPOINT")

    /// `RIVET_TEST_STREAMING`: set where its gateway streams both ways.
    static let streams = variable("RIVET_TEST_STREAMING") != nil

    /// `RIVET_TEST_WITHOUT_RUST`: set where no host written in Rust has the pool `rust`.
    static let hasRust = variable("RIVET_TEST_WITHOUT_RUST") == nil

    /// A variable of the environment; an empty one counts as unset.
    static func variable(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }
}

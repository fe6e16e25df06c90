// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync

/// What the environment and the command line say.
enum Options {
    /// A running engine's address; without it the engine is in this process.
    static let endpoint = ProcessInfo.processInfo.environment["RIVET_ENDPOINT"]
    /// `--javascript`: the actor takes its arguments by position.
    static let arguments: ArgumentStyle = CommandLine.arguments.contains("--javascript") ? .positional : .object
}

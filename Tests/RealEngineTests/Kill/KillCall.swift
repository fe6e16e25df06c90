// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// One call of the kill test, and what the library said of it.
struct KillCall: Sendable {
    enum Way: Sendable, Hashable {
        /// The number of the actor.
        case http(Int)
        /// The number of the connection, which is that of its actor too.
        case connection(Int)
    }

    enum Word: Sendable {
        case ok
        case failed(RivetError.Execution, String)
        /// The test was ended in the middle: it says nothing about the call.
        case cancelled
        /// An error that the library does not promise.
        case stranger(String)
    }

    /// What the actor writes into its log when the call runs; no other call has it.
    let tag: String
    let way: Way
    /// Since the first call.
    let began: Duration
    /// The call's deadline, counted from `began`.
    let limit: Duration
    var ended: Duration?
    /// Nil while it is under way.
    var word: Word?
}

extension KillCall.Word {
    /// What a thrown error says.
    init(_ error: any Error) {
        switch error {
        case let error as RivetError: self = .failed(error.execution, "\(error)")
        case is CancellationError: self = .cancelled
        default: self = .stranger("\(error)")
        }
    }
}

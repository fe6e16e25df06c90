// SPDX-License-Identifier: Apache-2.0

/// What is being asked for, so that an error can say what it means for it.
enum RequestKind: Sendable {
    /// Looking something up or making an actor.
    case lookup
    case action(String)
    case queue(String)
    case raw

    var name: String {
        switch self {
        case .lookup: "the lookup"
        case .action(let name): "the action \"\(name)\""
        case .queue(let name): "the send to the queue \"\(name)\""
        case .raw: "the request"
        }
    }

    var isLookup: Bool { if case .lookup = self { true } else { false } }
}

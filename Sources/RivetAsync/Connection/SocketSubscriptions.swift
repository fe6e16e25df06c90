// SPDX-License-Identifier: Apache-2.0

/// What one socket was told to subscribe against what is wanted now, so that each name is subscribed exactly once on it.
struct SocketSubscriptions: Sendable {
    typealias Change = (name: String, subscribe: Bool)

    private var names: Set<ExactName> = []
    /// Names for which it was told something else than is wanted now, since it takes no more at the moment.
    private var dueNames: [String] = []

    var hasDue: Bool { !dueNames.isEmpty }

    /// What is to be said at once; nil where the socket knows, or is told later: once, whatever is wanted in the end.
    mutating func wish(_ name: String, isWanted: Bool, canTakeMore: Bool) -> Change? {
        dueNames.removeAll { $0.hasSameBytes(as: name) }
        guard names.contains(ExactName(name)) != isWanted else { return nil }
        guard canTakeMore else {
            dueNames.append(name)
            return nil
        }
        return toggle(name)
    }

    mutating func nextDue() -> Change? { dueNames.isEmpty ? nil : toggle(dueNames.removeFirst()) }

    private mutating func toggle(_ name: String) -> Change {
        let subscribe = names.insert(ExactName(name)).inserted
        if !subscribe { names.remove(ExactName(name)) }
        return (name, subscribe)
    }
}

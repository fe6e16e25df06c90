// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The names that the program's own types of keys declare, as far as containers were made for them.
///
/// A path in an error may hold these and no others: what only the data name, a dictionary's keys, is the user's (B213).
enum DeclaredNames {
    private static let types = Mutex<[ObjectIdentifier: @Sendable (String) -> Bool]>([:])

    static func note<Key: CodingKey>(_ type: Key.Type) {
        let id = ObjectIdentifier(type)
        // A type that takes a name which nobody declares takes every name, as a dictionary's does.
        guard types.withLock({ $0[id] == nil }), Key(stringValue: "\u{0}") == nil else { return }
        types.withLock { $0[id] = { Key(stringValue: $0) != nil } }
    }

    /// The name, or `*` if no type declares it.
    static func shown(_ name: String) -> String {
        // Their initialisers are the user's code, which runs outside the lock.
        let declare = types.withLock { Array($0.values) }
        return declare.contains { $0(name) } ? name : "*"
    }
}

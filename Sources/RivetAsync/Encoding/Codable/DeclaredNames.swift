// SPDX-License-Identifier: Apache-2.0

/// The names that the program's own types of keys declare, as far as a session made containers for them.
///
/// A path in an error may hold these and no others: what only the data name, a dictionary's keys, is the user's (B213).
struct DeclaredNames {
    private var types: [ObjectIdentifier: (String) -> Bool] = [:]

    /// Notes a type, unless it has a key for a name that nobody declares, as a dictionary's has for every name.
    ///
    /// The caller asks the type, since that is the user's code, which may want another container meanwhile.
    mutating func note<Key: CodingKey>(_ type: Key.Type, takesUndeclared: Bool) {
        guard types[ObjectIdentifier(type)] == nil, !takesUndeclared else { return }
        types[ObjectIdentifier(type)] = { Key(stringValue: $0) != nil }
    }

    /// The name, or `*` if no type declares it; `super` is the standard library's own.
    func shown(_ name: String) -> String {
        name == "super" || types.values.contains { $0(name) } ? name : "*"
    }
}

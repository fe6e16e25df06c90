// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Names made from types: `NewCount` → `newCount`.
package enum DefaultName {
    /// The default name of `type`; made once for each type, then found without a lock.
    package static func of(_ type: any Any.Type) -> String {
        let id = ObjectIdentifier(type)
        for step in 0..<maxProbes {
            // Types lie at multiples of 8; a hash would take longer than the rest.
            let slot = (Int(bitPattern: id) >> 3 &+ step) & (slotCount - 1)
            // A slot is written once and never changes, so a loser of the race simply reads the winner's entry.
            let entry = unsafe slots[slot].load() ?? slots[slot].storeIfNil(Entry(id: id, name: make(of: type)))
            if entry.id == id { return entry.name }
        }
        return make(of: type)  // More types than places: still right, only slower.
    }

    private final class Entry: Sendable {
        let id: ObjectIdentifier
        let name: String

        init(id: ObjectIdentifier, name: String) {
            self.id = id
            self.name = name
        }
    }

    private static let slotCount = 1_024
    private static let maxProbes = 16
    // `nonisolated(unsafe)`: the pointer never changes, and what it points to are atomics.
    private nonisolated(unsafe) static let slots: UnsafeMutablePointer<AtomicLazyReference<Entry>> = {
        let slots = UnsafeMutablePointer<AtomicLazyReference<Entry>>.allocate(capacity: slotCount)
        for index in 0..<slotCount { unsafe (slots + index).initialize(to: AtomicLazyReference()) }
        return unsafe slots
    }()

    private static func make(of type: any Any.Type) -> String { lowerCamelCase(plain(type)) }

    /// The default code of a failure: `SoldOut` → `sold_out`.
    package static func code(of type: any Any.Type) -> String { snakeCase(plain(type)) }

    /// The unqualified name is the last component, without the context of local and private types; a generic one
    /// carries its arguments, `Chat<Int>`.
    private static func plain(_ type: any Any.Type) -> String {
        String(_typeName(type, qualified: false).prefix { $0 != "<" })
    }

    /// Puts the first word in lower case: one capital, or a run of them without the one that begins the next word.
    package static func lowerCamelCase(_ name: String) -> String {
        let start = name.firstIndex { $0 != "_" } ?? name.endIndex
        let word = name[start...]
        var run = word.prefix { $0.isUppercase }
        if run.count > 1, run.endIndex < name.endIndex, name[run.endIndex].isLowercase { run.removeLast() }
        return String(name[..<start]) + run.lowercased() + name[run.endIndex...]
    }

    /// Puts all words in lower case, with `_` between: a word begins at a capital behind a small letter or a digit, and
    /// at the last of several capitals where a small letter follows.
    package static func snakeCase(_ name: String) -> String {
        let letters = Array(name)
        var text = ""
        for (index, letter) in letters.enumerated() {
            if letter.isUppercase, index > 0, letters[index - 1] != "_" {
                let followsCapital = letters[index - 1].isUppercase
                let precedesSmall = index + 1 < letters.count && letters[index + 1].isLowercase
                if !followsCapital || precedesSmall { text += "_" }
            }
            text += letter.lowercased()
        }
        return text
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Finds the members of a map by name, without building a dictionary.
///
/// A search starts at the member that was found last, because `Codable` asks for keys in the order in which they are
/// written nearly always; only where keys come in another order does it go round.
struct MapDecoder {
    /// The map itself.
    let decoder: ValueDecoder
    private let members: Members

    private enum Members {
        case none
        case named(first: Mark, last: Cursor?)
        case positional(PositionalCursor)
    }

    /// A key's place, and what its reader knows of the members behind it.
    private struct Mark {
        var position: Int
        var remaining: Int
    }

    private final class Cursor {
        var mark: Mark
        init(_ mark: Mark) { self.mark = mark }
    }

    init(_ decoder: ValueDecoder) throws {
        self.decoder = decoder
        if decoder.flags.contains(.positional) {
            members = .positional(PositionalCursor(try decoder.argumentList() ?? UnkeyedDecoder(one: decoder)))
        } else if decoder.isNothing {
            members = .none
        } else {
            let first = try decoder.read([String: Int].self) { (reader) throws(CodingFailure) -> Mark? in
                var remaining = try reader.beginMap()
                guard try reader.hasNext(&remaining) else { return nil }
                return Mark(position: reader.position, remaining: remaining)
            }
            if let first {
                // So few bytes are scanned from the start faster than a place to remember is allocated.
                let isShort = decoder.bytesLeft <= 64
                members = .named(first: first, last: isShort ? nil : Cursor(first))
            } else {
                members = .none
            }
        }
    }

    /// The value of a member, or nil.
    func find(_ name: String, _ number: Int? = nil) -> ValueDecoder? {
        switch members {
        case .none:
            return nil
        case .positional(let cursor):
            return cursor.place(of: name)
        case .named(let first, let last):
            let found = withUTF8(of: name) { search($0, first: first, last: last) }
            if let found { return decoder.at(found) }
            // A map with integer keys, as JavaScript's Map writes it.
            guard let number, case let key = String(number), key != name else { return nil }
            return find(key)
        }
    }

    func value(_ key: some CodingKey) throws -> ValueDecoder {
        if let found = find(key.stringValue, key.intValue) { return found }
        var failure = CodingFailure(.missingField, at: Int(decoder.offset), wanted: "a value", found: "none")
        failure.path = key.stringValue
        throw DecodingError.keyNotFound(
            key,
            DecodingError.Context(
                codingPath: decoder.codingPath,
                debugDescription: "missingField",
                underlyingError: failure
            )
        )
    }

    private func search(_ name: UnsafeRawBufferPointer, first: Mark, last: Cursor?) -> Int? {
        let from = last?.mark ?? first
        if let found = scan(name, from: from, until: .max, last) { return found }
        return from.position == first.position ? nil : scan(name, from: first, until: from.position, last)
    }

    private func scan(_ name: UnsafeRawBufferPointer, from: Mark, until limit: Int, _ last: Cursor?) -> Int? {
        var reader = decoder.reader
        reader.position = from.position
        var remaining = from.remaining
        // The document was checked, so nothing here fails.
        do {
            repeat {
                let mark = Mark(position: reader.position, remaining: remaining)
                guard mark.position < limit else { return nil }
                if try reader.readKey(equals: name) {
                    last?.mark = mark
                    return reader.position
                }
                try reader.skipItem(depth: 0)
            } while try reader.hasNext(&remaining)
        } catch {}
        return nil
    }

    /// The keys in the order of the document; what is neither text nor number can be none.
    func keys<Key: CodingKey>(_: Key.Type) -> [Key] {
        guard case .named(let first, _) = members else { return [] }
        var keys: [Key] = []
        var reader = decoder.reader
        reader.position = first.position
        var remaining = first.remaining
        do {
            repeat {
                let isNumber = try reader.peekKind() == .integer
                if let name = try reader.readKey() {
                    let number = isNumber ? Int(name).flatMap(Key.init(intValue:)) : nil
                    if let key = number ?? Key(stringValue: name) { keys.append(key) }
                }
                try reader.skipItem(depth: 0)
            } while try reader.hasNext(&remaining)
        } catch {}
        return keys
    }
}

/// Gives each name asked for the next argument.
final class PositionalCursor {
    private var names: [String] = []
    private var places: [ValueDecoder?] = []
    private var list: UnkeyedDecoder

    init(_ list: UnkeyedDecoder) { self.list = list }

    func place(of name: String) -> ValueDecoder? {
        if let index = names.firstIndex(of: name) { return places[index] }
        names.append(name)
        let place = list.isAtEnd ? nil : list.current
        if place != nil { list.advance() }
        places.append(place)
        return place
    }
}

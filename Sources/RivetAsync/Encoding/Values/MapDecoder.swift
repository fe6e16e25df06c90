// SPDX-License-Identifier: Apache-2.0

/// Finds the members of a map by name, without building a dictionary.
enum MapDecoder {
    /// So few bytes are scanned from the start faster than a place to remember is allocated.
    case short(MapScan)
    case long(MapCursor)
    /// The properties are arguments.
    case positional(PositionalCursor)

    init(_ decoder: ValueDecoder) throws {
        if decoder.flags.contains(.positional), !decoder.isNothing {
            self = .positional(PositionalCursor(decoder, try decoder.argumentList() ?? UnkeyedDecoder(one: decoder)))
        } else {
            let scan = try MapScan(decoder)
            self = decoder.bytesLeft <= 64 ? .short(scan) : .long(MapCursor(scan))
        }
    }

    /// The map itself.
    var decoder: ValueDecoder {
        switch self {
        case .short(let scan): scan.decoder
        case .long(let cursor): cursor.scan.decoder
        case .positional(let cursor): cursor.decoder
        }
    }

    /// The value of a member, or nil.
    @inline(__always)
    func find(_ key: some CodingKey) -> ValueDecoder? {
        if let found = find(name: key.stringValue) { return found }
        // A map with integer keys, as JavaScript's Map writes it.
        return key.intValue.flatMap { find(name: String($0)) }
    }

    func find(name: String) -> ValueDecoder? {
        switch self {
        case .short(let scan): return withUTF8(of: name) { scan.find($0) }.map { scan.decoder.at($0) }
        case .long(let cursor): return withUTF8(of: name) { cursor.find($0) }.map { cursor.scan.decoder.at($0) }
        case .positional(let cursor): return cursor.place(of: name)
        }
    }

    func value(_ key: some CodingKey) throws -> ValueDecoder {
        if let found = find(key) { return found }
        throw missing(key)
    }

    private func missing(_ key: some CodingKey) -> DecodingError {
        let decoder = decoder
        var failure = CodingFailure(.missingField, at: Int(decoder.offset), wanted: "a value", found: "none")
        failure.path = key.stringValue
        let context = DecodingError.Context(
            codingPath: decoder.codingPath,
            debugDescription: "missingField",
            underlyingError: failure
        )
        return .keyNotFound(key, context)
    }

    /// Reads a member that is a scalar: where the reader ends, the next key is looked for.
    @inline(__always)
    func read<R>(
        _ key: some CodingKey,
        _ body: (inout DocumentReader) throws(CodingFailure) -> R
    ) throws -> R {
        if case .long(let cursor) = self {
            guard let position = withUTF8(of: key.stringValue, { cursor.find($0) }) else {
                return try value(key).read(R.self, body)
            }
            var reader = cursor.scan.decoder.reader
            reader.position = position
            do throws(CodingFailure) {
                let result = try body(&reader)
                cursor.passed(to: reader.position)
                return result
            } catch {
                throw cursor.scan.decoder.at(position).decodingError(error, R.self)
            }
        }
        return try value(key).read(R.self, body)
    }

    /// The keys in the order of the document; what is neither text nor number can be none.
    func keys<Key: CodingKey>(_: Key.Type) -> [Key] {
        switch self {
        case .short(let scan): scan.keys()
        case .long(let cursor): cursor.scan.keys()
        case .positional: []
        }
    }
}

/// Gives each name asked for the next argument.
final class PositionalCursor {
    let decoder: ValueDecoder
    private var names: [String] = []
    private var places: [ValueDecoder?] = []
    private var list: UnkeyedDecoder

    init(_ decoder: ValueDecoder, _ list: UnkeyedDecoder) {
        self.decoder = decoder
        self.list = list
    }

    func place(of name: String) -> ValueDecoder? {
        if let index = names.firstIndex(of: name) { return places[index] }
        names.append(name)
        let place = list.isAtEnd ? nil : list.current
        if place != nil { list.advance() }
        places.append(place)
        return place
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Finds the members of a map by name, without building a dictionary.
///
/// `Codable` copies it for each member asked for, so it holds one reference only: the document's bytes, or where it has
/// more to remember than that, a cursor that holds them.
struct MapDecoder {
    private let owner: AnyObject
    private let base: UnsafeRawPointer
    private let end: UInt32
    /// The map's place in the document, and its first key's; 0, where no key can be, if there is none.
    private let offset: UInt32
    private let first: Mark
    private let hasCursor: Bool
    private let isJSON: Bool

    /// A place between members, and what the reader knows of those behind it.
    struct Mark {
        private var place: UInt32
        private var count: Int32
        var position: Int { Int(place) }
        /// As `ItemReader.hasNext` counts; a definite count never exceeds the document's bytes.
        var remaining: Int { Int(count) }

        init(_ position: Int, _ remaining: Int) {
            place = UInt32(truncatingIfNeeded: position)
            count = Int32(truncatingIfNeeded: remaining)
        }
    }

    init(_ decoder: ValueDecoder) throws {
        (base, end) = (decoder.base, decoder.size)
        offset = decoder.offset
        isJSON = decoder.flags.contains(.json)
        if decoder.flags.contains(.positional), !decoder.isNothing {
            let list = try decoder.argumentList() ?? UnkeyedDecoder(one: decoder)
            first = Mark(0, 0)
            hasCursor = true
            owner = MapCursor(decoder, first, list)
            return
        }
        if decoder.isNothing {
            first = Mark(0, 0)
        } else {
            first = try decoder.read([String: Int].self) { (reader) throws(CodingFailure) -> Mark in
                var remaining = try reader.beginMap()
                return try reader.hasNext(&remaining) ? Mark(reader.position, remaining) : Mark(0, 0)
            }
        }
        // So few bytes are scanned from the start faster than a place to remember is allocated.
        hasCursor = decoder.bytesLeft > 64
        owner = hasCursor ? MapCursor(decoder, first, nil) : decoder.storage
    }

    @inline(__always)
    private var cursor: MapCursor? { hasCursor ? unsafeDowncast(owner, to: MapCursor.self) : nil }

    /// The map itself.
    var decoder: ValueDecoder {
        cursor?.decoder
            ?? ValueDecoder(
                unsafeDowncast(owner, to: ByteStorage.self),
                base,
                size: end,
                offset: offset,
                isJSON: isJSON
            )
    }

    private var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: Int(end)) }

    // MARK: Finding

    /// The place of a member's value.
    func find(_ name: String) -> Int? {
        withUTF8(of: name) { isJSON ? find($0, JSONReader(bytes)) : find($0, CBORReader(bytes)) }
    }

    @inline(__always)
    private func find<Reader: ItemReader>(_ name: UnsafeRawBufferPointer, _ reader: Reader) -> Int? {
        guard let cursor else { return scan(name, reader, from: first, isKey: true, until: .max)?.value }
        if let arguments = cursor.arguments { return arguments.place(of: name) }
        // `Codable` asks for keys in the order in which they are written nearly always.
        let from = cursor.mark
        guard
            let found = scan(name, reader, from: from, isKey: cursor.isKey, until: .max)
                ?? scan(name, reader, from: first, isKey: true, until: from.position)
        else { return nil }
        cursor.mark = found.key
        cursor.isKey = true
        return found.value
    }

    /// The document was checked, so nothing here fails.
    @inline(__always)
    private func scan<Reader: ItemReader>(
        _ name: UnsafeRawBufferPointer,
        _ start: Reader,
        from mark: Mark,
        isKey: Bool,
        until limit: Int
    ) -> (key: Mark, value: Int)? {
        guard first.position > 0 else { return nil }
        var reader = start
        reader.position = mark.position
        var remaining = mark.remaining
        do throws(CodingFailure) {
            if !isKey, try !reader.hasNext(&remaining) { return nil }
            repeat {
                let position = reader.position
                guard position < limit else { return nil }
                if try reader.readKey(equals: name) { return (Mark(position, remaining), reader.position) }
                try reader.skipItem(depth: 0)
            } while try reader.hasNext(&remaining)
        } catch {}
        return nil
    }

    /// The keys in the order of the document; what is neither text nor number can be none.
    func keys<Key: CodingKey>(_: Key.Type) -> [Key] {
        guard first.position > 0 else { return [] }
        var keys: [Key] = []
        var reader = DocumentReader(bytes, position: first.position, isJSON: isJSON)
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

    // MARK: Reading

    func value(at position: Int) -> ValueDecoder {
        decoder.at(position, escaped: cursor?.arguments?.escapedPlace == position)
    }

    func isNil(at position: Int) -> Bool {
        var reader = DocumentReader(bytes, position: position, isJSON: isJSON)
        return (try? reader.readNil()) ?? false
    }

    /// Reads a value that is no container: where the reader ends, the next key is looked for.
    @inline(__always)
    private func read<R>(
        at position: Int,
        _ body: (inout DocumentReader) throws(CodingFailure) -> R
    ) throws -> R {
        var reader = DocumentReader(bytes, position: position, isJSON: isJSON)
        do throws(CodingFailure) {
            let result = try body(&reader)
            if let cursor {
                cursor.mark = Mark(reader.position, cursor.mark.remaining)
                cursor.isKey = false
            }
            return result
        } catch {
            throw value(at: position).decodingError(error, R.self)
        }
    }

    func text(at position: Int) throws -> String {
        let text = try read(at: position) { (reader) throws(CodingFailure) in try reader.readText() }
        return cursor?.arguments?.escapedPlace == position ? text.withoutDollar : text
    }

    func bool(at position: Int) throws -> Bool {
        try read(at: position) { (reader) throws(CodingFailure) in try reader.readBool() }
    }

    func double(at position: Int) throws -> Double {
        try read(at: position) { (reader) throws(CodingFailure) in try reader.readDouble() }
    }

    func integer<T: FixedWidthInteger>(at position: Int) throws -> T {
        try read(at: position) { (reader) throws(CodingFailure) in try reader.readInteger(as: T.self) }
    }
}

/// Where in a map the last key was found.
final class MapCursor {
    let decoder: ValueDecoder
    fileprivate var mark: MapDecoder.Mark
    /// A key stands at the mark; else the end of a value, and it is still to be seen whether a key follows.
    fileprivate var isKey = true
    /// Where properties are arguments.
    let arguments: ArgumentCursor?

    fileprivate init(_ decoder: ValueDecoder, _ mark: MapDecoder.Mark, _ list: UnkeyedDecoder?) {
        self.decoder = decoder
        self.mark = mark
        arguments = list.map(ArgumentCursor.init)
    }
}

/// Gives each name asked for the next argument.
final class ArgumentCursor {
    private var names: [[UInt8]] = []
    private var places: [Int?] = []
    private var list: UnkeyedDecoder
    /// The first argument, if it is text that was escaped.
    let escapedPlace: Int?

    init(_ list: UnkeyedDecoder) {
        self.list = list
        escapedPlace = !list.isAtEnd && list.current.flags.contains(.escaped) ? Int(list.current.offset) : nil
    }

    func place(of name: UnsafeRawBufferPointer) -> Int? {
        if let index = names.firstIndex(where: { $0.elementsEqual(name) }) { return places[index] }
        names.append(Array(name))
        let place = list.isAtEnd ? nil : Int(list.current.offset)
        if place != nil { list.advance() }
        places.append(place)
        return place
    }
}

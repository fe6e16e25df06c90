// SPDX-License-Identifier: Apache-2.0

/// Finds the members of a map by name, without building a dictionary.
///
/// `@safe`: the session, or `kept`, keeps the bytes at `base`; a key is compared only where it ends within them.
@safe final class MapDecoder {
    // `@safe`: the session holds its maps, and a map that outlives it holds the session (`kept`).
    @safe private unowned(unsafe) let session: DecodingSession
    // `@safe`: no access lasts longer than a statement, and none calls the user's code.
    /// Keeps the document for a container that outlives it.
    @safe @exclusivity(unchecked) private var kept: DecodingSession?
    /// The map itself.
    @safe @exclusivity(unchecked) private var offset: UInt32 = 0
    @safe @exclusivity(unchecked) private var flags = ValueDecoder.Flags()
    @safe @exclusivity(unchecked) private var level: UInt8 = 0
    /// The document.
    @safe @exclusivity(unchecked) private var base: UnsafeRawPointer
    @safe @exclusivity(unchecked) private var size = 0
    @safe @exclusivity(unchecked) private var syntax = DocumentSyntax.cbor
    /// The map's first key; 0, where no key can be, if there is none.
    @safe @exclusivity(unchecked) private var first = Mark(0, 0)
    /// Where the last key was found, or the next one is.
    @safe @exclusivity(unchecked) private var mark = Mark(0, 0)
    @safe @exclusivity(unchecked) private var known = Knowledge.key
    /// A bit for each length of the names of the members up to the mark: a name of another length is not among them.
    @safe @exclusivity(unchecked) private var passedLengths: UInt32 = 0
    /// Where the last member of each name is, in a map that has names twice.
    @safe @exclusivity(unchecked) private var lastPlaces: [NameID: (key: Int, value: Int)] = [:]
    /// Where properties are arguments; kept for the next value of the type.
    @safe @exclusivity(unchecked) private var cursor: ArgumentCursor?
    @safe @exclusivity(unchecked) private var isPositional = false
    private var arguments: ArgumentCursor? { isPositional ? cursor : nil }

    /// What is known of the mark, and of the members so far.
    struct Knowledge: OptionSet {
        let rawValue: UInt8
        /// A key begins at the mark.
        ///
        /// Else a value ended there. After it comes a key or the end of the map, and which has not been looked at yet.
        static let key = Knowledge(rawValue: 1)
        /// The key at the mark was asked for.
        static let asked = Knowledge(rawValue: 2)
        /// Members were left out, or asked for in another order than theirs.
        static let skipped = Knowledge(rawValue: 4)
        /// Names are there twice, and the last member of a name counts (B307).
        static let repeats = Knowledge(rawValue: 8)
    }

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

    init(_ session: DecodingSession) {
        self.session = session
        base = session.base
    }

    /// Starts to read another map.
    func enter(_ decoder: ValueDecoder) throws {
        noteMissedRepeats()
        (base, size, syntax) = (decoder.session.base, decoder.session.size, decoder.session.syntax)
        (offset, flags, level) = (decoder.offset, decoder.flags, decoder.level)
        if isPositional { endArguments() }
        first = try shortMap() ?? firstKey(decoder)
        (mark, known, passedLengths) = (first, .key, 0)
        if !lastPlaces.isEmpty { lastPlaces = [:] }
        if session.looksForRepeats { lookForRepeats() }
    }

    /// The commonest map, made short: its count is in its first byte.
    @inline(__always)
    private func shortMap() -> Mark? {
        guard syntax == .cbor, flags.isEmpty else { return nil }
        var reader = unsafe CBORReader(bytes, position: Int(offset))
        guard let count = reader.readShortMapHead() else { return nil }
        return count > 0 ? Mark(reader.position, count &- 1) : Mark(0, 0)
    }

    @inline(never)
    private func firstKey(_ decoder: ValueDecoder) throws -> Mark {
        if decoder.isNothing { return Mark(0, 0) }
        if decoder.flags.contains(.positional) {
            let list = try decoder.argumentList() ?? UnkeyedDecoder(one: decoder)
            if let cursor { cursor.restart(list) } else { cursor = ArgumentCursor(list) }
            isPositional = true
            return Mark(0, 0)
        }
        return try decoder.read([String: Int].self) { (reader) throws(CodingError) in
            var remaining = try reader.beginMap()
            return try reader.hasNext(&remaining) ? Mark(reader.position, remaining) : Mark(0, 0)
        }
    }

    private func endArguments() {
        isPositional = false
        cursor?.end()
    }

    /// The document is done, or was before the container was made.
    func leave(isKept: Bool) {
        if isKept {
            kept = session
            lookForRepeats()
        } else {
            noteMissedRepeats()
            first = Mark(0, 0)
            if !lastPlaces.isEmpty { lastPlaces = [:] }
            if isPositional { endArguments() }
        }
    }

    var decoder: ValueDecoder { ValueDecoder(session, offset, flags, level: level) }
    private var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: size) }

    @inline(__always)
    private func reader(at position: Int) -> DocumentReader { unsafe DocumentReader(bytes, position: position, syntax) }

    // MARK: Finding

    /// The place of a member's value.
    func find(_ name: String) -> Int? {
        // Not `withUTF8(of:)`, which has two calls of its closure, so that none is inlined.
        let utf8 = name.utf8.span
        return unsafe utf8.withUnsafeBytes { unsafe findNext($0) } ?? findFarther(name)
    }

    /// Fast path: the key asked for stands at the mark, and its length is in its first byte.
    @inline(__always)
    private func findNext(_ name: UnsafeRawBufferPointer) -> Int? {
        let position = mark.position
        let start = position &+ 1
        guard known.contains(.key), position > 0, name.count < 24, name.count <= size &- start,
            unsafe base.load(fromByteOffset: position, as: UInt8.self) == 0x60 | UInt8(truncatingIfNeeded: name.count),
            unsafe UnsafeRawBufferPointer(start: base + start, count: name.count).hasSameBytes(as: name)
        else { return nil }
        passedLengths |= 1 << UInt32(truncatingIfNeeded: name.count)
        known.insert(.asked)
        return start &+ name.count
    }

    @inline(never)
    private func findFarther(_ name: String) -> Int? {
        if !known.contains(.key), mark.remaining == 0, passedNone(ofLength: name.utf8.count), arguments == nil {
            return nil
        }
        return unsafe withUTF8(of: name) { name in
            unsafe syntax == .cbor ? find(name, CBORReader(bytes)) : find(name, JSONReader(bytes))
        }
    }

    /// No member up to the mark has a name of this length.
    @inline(__always)
    private func passedNone(ofLength count: Int) -> Bool {
        count < 32 && passedLengths >> UInt32(truncatingIfNeeded: count) & 1 == 0
    }

    @inline(__always)
    private func find<Reader: ItemReader>(_ name: UnsafeRawBufferPointer, _ reader: Reader) -> Int? {
        if let arguments { return unsafe arguments.place(of: name) }
        if known.contains(.repeats) { return unsafe findLast(name, reader) }
        // `Codable` asks for keys in the order in which they are written nearly always.
        let from = mark
        var found = unsafe scan(name, reader, from: from, isKey: known.contains(.key), until: .max)
        if found == nil, !passedNone(ofLength: name.count) {
            found = unsafe scan(name, reader, from: first, isKey: true, until: from.position)
            if found != nil { known.insert(.skipped) }
        }
        guard let found else { return nil }
        if found.passed > (known.isSuperset(of: [.key, .asked]) ? 1 : 0) { known.insert(.skipped) }
        mark = found.key
        known.formUnion([.key, .asked])
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
    ) -> (key: Mark, value: Int, passed: Int)? {
        guard first.position > 0 else { return nil }
        var reader = start
        var passed = 0
        reader.position = mark.position
        var remaining = mark.remaining
        do throws(CodingError) {
            if !isKey, try !reader.hasNext(&remaining) { return nil }
            passedLengths = .max
            repeat {
                let position = reader.position
                guard position < limit else { return nil }
                if try unsafe reader.readKey(equals: name) {
                    return (Mark(position, remaining), reader.position, passed)
                }
                passed &+= 1
                try reader.skipElement(depth: 0)
            } while try reader.hasNext(&remaining)
        } catch {}
        return nil
    }

    /// The keys in the order of the document; what is neither text nor number can be none.
    func keys<Key: CodingKey>(_: Key.Type) -> [Key] {
        guard first.position > 0 else { return [] }
        // A dictionary takes the last of a name by itself.
        if Key.self != KnownNames.ofDictionary, !known.contains(.repeats) { lookForRepeats() }
        var keys: [Key] = []
        // The document was checked: as many as are announced are there.
        keys.reserveCapacity(max(first.remaining &+ 1, 0))
        var reader = reader(at: first.position)
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
        guard known.contains(.repeats) else { return keys }
        var names = Set<NameID>()
        return keys.reversed().filter { names.insert(NameID($0.stringValue)).inserted }.reversed()
    }

    // MARK: Names that are there twice

    /// Tells the session where members were asked for before it was known that a later one has the same name.
    ///
    /// Nothing is to be known where all were asked for in their order, as nearly always: then their names differ, as
    /// those asked for do.
    @inline(__always)
    private func noteMissedRepeats() {
        if first.position > 0, mark.remaining != 0 || !areAskedInOrder { lookForMissedRepeats() }
    }

    /// So far, up to the mark.
    private var areAskedInOrder: Bool { known == [.key, .asked] || known == [] }

    @inline(never)
    private func lookForMissedRepeats() {
        if known.contains(.repeats) || areAskedInOrder && isAtEnd { return }
        if findRepeats() != nil { session.foundRepeats() }
    }

    /// No member is behind the one that was asked for last, in a map whose end alone tells that.
    private var isAtEnd: Bool {
        guard mark.remaining < 0 else { return false }
        var reader = reader(at: mark.position)
        var remaining = mark.remaining
        do {
            if known.contains(.key) {
                _ = try reader.readKey()
                try reader.skipItem(depth: 0)
            }
            return try !reader.hasNext(&remaining)
        } catch { return true }
    }

    /// From now on the last of a name counts.
    private func lookForRepeats() {
        guard let places = findRepeats() else { return }
        if known.contains(.asked) || mark.position != first.position { session.foundRepeats() }
        // No place in which a key would be expected.
        (mark, known, passedLengths, lastPlaces) = (Mark(0, 0), [.key, .repeats], .max, places)
    }

    /// Where the last member of each name is; nil where no name is there twice.
    @inline(never)
    private func findRepeats() -> [NameID: (key: Int, value: Int)]? {
        guard first.position > 0 else { return nil }
        var names: [(id: NameID, key: Int, value: Int)] = []
        names.reserveCapacity(max(first.remaining &+ 1, 8))
        var reader = reader(at: first.position)
        var remaining = first.remaining
        do {
            repeat {
                let key = reader.position
                if let name = try reader.readKey() { names.append((NameID(name), key, reader.position)) }
                try reader.skipItem(depth: 0)
            } while try reader.hasNext(&remaining)
        } catch {}
        // Few names are compared sooner than put into a set.
        if names.count <= 16,
            !names.indices.contains(where: { last in names[..<last].contains { $0.id == names[last].id } })
        {
            return nil
        }
        var places: [NameID: (key: Int, value: Int)] = [:]
        places.reserveCapacity(names.count)
        for name in names { places[name.id] = (name.key, name.value) }
        return places.count < names.count ? places : nil
    }

    /// The last member of that name.
    private func findLast<Reader: ItemReader>(_ name: UnsafeRawBufferPointer, _ start: Reader) -> Int? {
        guard let place = unsafe lastPlaces[NameID(name)] else { return nil }
        var reader = start
        reader.position = place.key
        // Another name may have the same hash.
        guard unsafe (try? reader.readKey(equals: name)) == true else { return nil }
        return place.value
    }

    // MARK: Reading

    func value(at position: Int) -> ValueDecoder {
        decoder.at(position, escaped: arguments?.escapedPlace == position)
    }

    func isNil(at position: Int) -> Bool {
        var reader = reader(at: position)
        return (try? reader.readNil()) ?? false
    }

    /// The value of the key at the mark ends here.
    @inline(__always)
    private func pass(_ position: Int) {
        let remaining = mark.remaining
        let isKey = remaining > 0
        known = known.intersection([.skipped, .repeats]).union(isKey ? .key : [])
        mark = Mark(position, isKey ? remaining &- 1 : remaining)
    }

    /// Reads a value that is no container: where the reader ends, the next key is looked for.
    @inline(__always)
    private func read<R>(at position: Int, _ body: (inout DocumentReader) throws(CodingError) -> R) throws -> R {
        var reader = reader(at: position)
        do throws(CodingError) {
            let result = try body(&reader)
            pass(reader.position)
            return result
        } catch {
            throw value(at: position).decodingError(error, R.self)
        }
    }

    @inline(__always)
    func text(at position: Int) throws -> String {
        if syntax == .cbor, arguments == nil {
            var reader = unsafe CBORReader(bytes, position: position)
            if let text = reader.readShortText() {
                pass(reader.position)
                return text
            }
        }
        return try anyText(at: position)
    }

    @inline(never)
    private func anyText(at position: Int) throws -> String {
        let text = try read(at: position) { (reader) throws(CodingError) in try reader.readText() }
        return arguments?.escapedPlace == position ? text.withoutDollar : text
    }

    func bool(at position: Int) throws -> Bool {
        try read(at: position) { (reader) throws(CodingError) in try reader.readBool() }
    }

    func double(at position: Int) throws -> Double {
        try read(at: position) { (reader) throws(CodingError) in try reader.readDouble() }
    }

    func integer<T: FixedWidthInteger>(at position: Int) throws -> T {
        try read(at: position) { (reader) throws(CodingError) in try reader.readInteger(as: T.self) }
    }
}

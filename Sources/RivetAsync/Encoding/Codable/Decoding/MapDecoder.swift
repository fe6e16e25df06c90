// SPDX-License-Identifier: Apache-2.0

/// What a keyed container reads from.
final class MapDecoder {
    // `@safe`: the session holds its maps, and a map that outlives it holds the session (`kept`).
    @safe private unowned(unsafe) let session: DecodingSession
    /// Keeps the document for a container that outlives it.
    private var kept: DecodingSession?
    /// The map itself.
    private var offset: UInt32 = 0
    private var flags = ValueDecoder.Flags()
    private var level: UInt8 = 0
    private let members: Unchecked<MapMembers>

    init(_ session: DecodingSession) {
        self.session = session
        members = Unchecked(MapMembers(in: session))
    }

    deinit { members.deallocate() }

    /// Starts to read another map.
    func enter(_ decoder: ValueDecoder) throws {
        noteMissedRepeats()
        (offset, flags, level) = (decoder.offset, decoder.flags, decoder.level)
        if members.value.areArguments { members.value.leaveArguments() }
        let first = try shortMap(decoder) ?? firstKey(decoder)
        members.value.enter(decoder.session, first: first)
        if decoder.session.looksForRepeats { lookForRepeats() }
    }

    /// The commonest map, made short: its count is in its first byte.
    @inline(__always)
    private func shortMap(_ decoder: ValueDecoder) -> MapMembers.Mark? {
        guard decoder.session.syntax == .cbor, decoder.flags.isEmpty else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: decoder.session.base, count: decoder.session.size)
        var reader = unsafe CBORReader(bytes, position: Int(decoder.offset))
        guard let count = reader.readShortMapHead() else { return nil }
        return count > 0 ? MapMembers.Mark(reader.position, count &- 1) : .nowhere
    }

    @inline(never)
    private func firstKey(_ decoder: ValueDecoder) throws -> MapMembers.Mark {
        if decoder.isNothing { return .nowhere }
        if decoder.flags.contains(.positional) {
            let list = try decoder.argumentList() ?? UnkeyedDecoder(one: decoder)
            members.value.enter(arguments: list)
            return .nowhere
        }
        return try decoder.read([String: Int].self) { (reader) throws(CodingError) in
            var remaining = try reader.beginMap()
            return try reader.hasNext(&remaining) ? MapMembers.Mark(reader.position, remaining) : .nowhere
        }
    }

    /// The document is done, or was before the container was made.
    func leave(isKept: Bool) {
        if isKept {
            kept = session
            lookForRepeats()
        } else {
            noteMissedRepeats()
            members.value.leave()
        }
    }

    var decoder: ValueDecoder { ValueDecoder(session, offset, flags, level: level) }

    // MARK: Finding

    /// The place of a member's value.
    func find(_ name: String) -> Int? {
        // Not `withUTF8(of:)`, which has two calls of its closure, so that none is inlined.
        let utf8 = name.utf8.span
        return unsafe utf8.withUnsafeBytes { unsafe members.value.findNext($0) } ?? findFarther(name)
    }

    @inline(never)
    private func findFarther(_ name: String) -> Int? {
        if members.value.hasNone(ofLength: name.utf8.count) { return nil }
        return unsafe withUTF8(of: name) { name in unsafe members.value.find(name) }
    }

    /// The keys in the order of the document; what is neither text nor number can be none.
    func keys<Key: CodingKey>(_: Key.Type) -> [Key] {
        guard members.value.first.position > 0 else { return [] }
        // A dictionary takes the last of a name by itself.
        if Key.self != KnownNames.ofDictionary, !members.value.known.contains(.repeats) { lookForRepeats() }
        var keys: [Key] = []
        var remaining = members.value.first.remaining
        // The document was checked: as many as are announced are there, but not that they are text.
        keys.reserveCapacity(max(remaining &+ 1, 0))
        var reader = members.value.reader(at: members.value.first.position)
        do throws(CodingError) {
            repeat {
                let isNumber = try reader.peekKind() == .integer
                if let name = try reader.readKey() {
                    let number = isNumber ? Int(name).flatMap(Key.init(intValue:)) : nil
                    if let key = number ?? Key(stringValue: name) { keys.append(key) }
                }
                try reader.skipItem(depth: 0)
            } while try reader.hasNext(&remaining)
        } catch {
            session.found(badKey: error)
        }
        guard members.value.known.contains(.repeats) else { return keys }
        var names = Set<NameID>()
        return keys.reversed().filter { names.insert(NameID($0.stringValue)).inserted }.reversed()
    }

    /// Tells the session where members were asked for before it was known that a later one has the same name.
    @inline(__always)
    private func noteMissedRepeats() {
        if members.value.mayHaveMissedRepeats { lookForMissedRepeats() }
    }

    @inline(never)
    private func lookForMissedRepeats() {
        do throws(CodingError) {
            if try members.value.hasMissedRepeats() { session.foundRepeats() }
        } catch {
            session.found(badKey: error)
        }
    }

    private func lookForRepeats() {
        do throws(CodingError) {
            if try members.value.lookForRepeats() { session.foundRepeats() }
        } catch {
            session.found(badKey: error)
        }
    }

    // MARK: Reading

    func value(at position: Int) -> ValueDecoder {
        decoder.at(position, escaped: members.value.isEscaped(at: position))
    }

    func isNil(at position: Int) -> Bool {
        var reader = members.value.reader(at: position)
        return (try? reader.readNil()) ?? false
    }

    @inline(__always)
    private func read<R>(at position: Int, _ body: (inout DocumentReader) throws(CodingError) -> R) throws -> R {
        do throws(CodingError) {
            return try members.value.read(at: position, body)
        } catch {
            throw value(at: position).decodingError(error, R.self)
        }
    }

    @inline(__always)
    func text(at position: Int) throws -> String {
        try members.value.readShortText(at: position) ?? anyText(at: position)
    }

    @inline(never)
    private func anyText(at position: Int) throws -> String {
        let text = try read(at: position) { (reader) throws(CodingError) in try reader.readText() }
        return members.value.isEscaped(at: position) ? text.withoutDollar : text
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

// SPDX-License-Identifier: Apache-2.0

/// The members of a map, found by name without building a dictionary; or the arguments of a list, which have the names
/// in the order in which they are asked for.
///
/// `@safe`: whoever enters a map keeps its document's bytes; a key is compared only where it ends within them.
@safe struct MapMembers {
    /// The document.
    private(set) var base: UnsafeRawPointer
    private(set) var size = 0
    private(set) var syntax = DocumentSyntax.cbor
    /// The map's first key.
    private(set) var first = Mark.nowhere
    /// Where the last key was found, or the next one is.
    var mark = Mark.nowhere
    var known = Knowledge.key
    /// A bit for each length of the names of the members up to the mark: a name of another length is not among them.
    var passedLengths: UInt32 = 0
    /// Where the last member of each name is, in a map that has names twice.
    var lastPlaces: [NameID: (key: Int, value: Int)] = [:]
    /// Kept for the next value of the type.
    private var arguments: ArgumentCursor?
    private(set) var areArguments = false

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

        /// Where no key can be.
        static var nowhere: Mark { Mark(0, 0) }
    }

    init(in session: DecodingSession) { unsafe base = session.base }

    /// Another map begins, of a document that may be another one.
    mutating func enter(_ session: DecodingSession, first: Mark) {
        unsafe (base, size, syntax) = (session.base, session.size, session.syntax)
        self.first = first
        (mark, known, passedLengths) = (first, .key, 0)
        if !lastPlaces.isEmpty { lastPlaces = [:] }
    }

    mutating func enter(arguments list: UnkeyedDecoder) {
        if arguments != nil { arguments?.restart(list) } else { arguments = ArgumentCursor(list) }
        areArguments = true
    }

    /// Lets go of the document's list.
    mutating func leaveArguments() {
        areArguments = false
        arguments?.end()
    }

    /// Lets go of the document.
    mutating func leave() {
        first = .nowhere
        if !lastPlaces.isEmpty { lastPlaces = [:] }
        if areArguments { leaveArguments() }
    }

    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: size) }

    @inline(__always)
    func reader(at position: Int) -> DocumentReader { unsafe DocumentReader(bytes, position: position, syntax) }

    // MARK: Finding

    /// The place of a member's value.
    @inline(__always)
    mutating func find(_ name: UnsafeRawBufferPointer) -> Int? {
        if areArguments { return unsafe arguments?.place(of: name) }
        return unsafe syntax == .cbor ? find(name, CBORReader(bytes)) : find(name, JSONReader(bytes))
    }

    @inline(__always)
    private mutating func find<Reader: ItemReader>(_ name: UnsafeRawBufferPointer, _ reader: Reader) -> Int? {
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
    private mutating func scan<Reader: ItemReader>(
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

    // MARK: Reading

    /// Whether the text there has one `$` too many.
    func isEscaped(at position: Int) -> Bool { areArguments && arguments?.escapedPlace == position }

    /// Reads a value that is no container: where the reader ends, the next key is looked for.
    @inline(__always)
    mutating func read<R>(
        at position: Int,
        _ body: (inout DocumentReader) throws(CodingError) -> R
    ) throws(CodingError) -> R {
        var reader = reader(at: position)
        let result = try body(&reader)
        pass(reader.position)
        return result
    }

    /// The value of the key at the mark ends here.
    @inline(__always)
    mutating func pass(_ position: Int) {
        let remaining = mark.remaining
        let isKey = remaining > 0
        known = known.intersection([.skipped, .repeats]).union(isKey ? .key : [])
        mark = Mark(position, isKey ? remaining &- 1 : remaining)
    }
}

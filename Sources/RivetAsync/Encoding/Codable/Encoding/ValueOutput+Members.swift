// SPDX-License-Identifier: Apache-2.0

/// A member that is written twice stands once, with its last value (B307).
///
/// To compare the names of every map would double the cost of encoding. So they are folded into one number as they are
/// written, and numbers whose names were compared, and differ, are remembered: a type writes the same names again and
/// again.
extension ValueOutput {
    /// Folds in a name, by the two words that a `String` consists of: its text up to 15 bytes, otherwise where it lies.
    ///
    /// A long name that a program has as a literal lies in one place for ever, and the top bit tells it from one that was
    /// made at run time; that is compared every time.
    @inline(__always)
    func note(name: String) {
        guard MemoryLayout<String>.size == 16 else {
            scope.mayRepeat = true
            return
        }
        let words = unsafe unsafeBitCast(name, to: (UInt64, UInt64).self)
        if words.1 >> 63 == 0 { scope.mayRepeat = true }
        // Two rounds of a multiplicative hash; what is folded in last reaches the high bits, which pick the place.
        let half = (scope.names ^ words.0) &* 0x9e37_79b9_7f4a_7c15
        scope.names = ((half ^ half >> 32) ^ words.1) &* 0xd6e8_feb8_6659_fd93
    }

    /// Called for each container of a map's members: a dictionary's differ, as long as nothing else writes there too.
    @inline(__always)
    func noteNames<Key: CodingKey>(of _: Key.Type) {
        scope.isOfDictionary = !scope.hasMembers && Key.self == KnownNames.ofDictionary
        scope.hasMembers = true
    }

    /// Called when all members of a map are written.
    @inline(__always)
    func finishMembers() {
        guard scope.count > 1, scope.mayRepeat || !KnownNames.contains(scope.names) else { return }
        if !scope.isOfDictionary { keepLastMembers() }
    }

    /// The nested container of this kind that was asked for under this name before.
    func earlierInsert(_ id: ValueID, _ key: String, _ kind: Scope.Kind) -> ValueEncoder? {
        guard id == scope.id, scope.kind == .map else { return nil }
        let index = contents.insertPlaces[InsertName(scope: id.number, name: NameID(key))]
        guard let index, case let insert = contents.inserts[index], insert.key?.hasSameBytes(as: key) == true,
            insert.session.output.scope.kind == kind
        else { return nil }
        return ValueEncoder(session: insert.session, id: insert.session.output.scope.id)
    }

    /// A member that is a nested container, of a value that is being encoded.
    struct InsertName: Hashable {
        let scope: UInt32
        let name: NameID
    }

    /// Of members with one name leaves the last.
    @inline(never)
    private func keepLastMembers() {
        let (first, count, isJSON) = (scope.start + 1, scope.count, format.isJSON)
        let kept: (bytes: [UInt8], count: Int)? = buffer.withUnsafeBytes { bytes in
            let members =
                unsafe isJSON
                ? Self.members(count, JSONReader(bytes, position: first, hasPairs: false), separators: 1)
                : Self.members(count, CBORReader(bytes, position: first), separators: 0)
            guard let members else { return nil }
            var names = Set<Name>(minimumCapacity: count)
            let last = members.reversed().filter { unsafe names.insert(Name(bytes: bytes[$0.name])).inserted }
                .reversed()
            guard last.count < count else { return nil }
            var kept: [UInt8] = []
            for member in last {
                if isJSON, !kept.isEmpty { kept.append(UInt8(ascii: ",")) }
                unsafe kept.append(contentsOf: bytes[member.whole])
            }
            return (kept, last.count)
        }
        guard let kept else {
            if !scope.mayRepeat { KnownNames.insert(scope.names) }
            return
        }
        buffer.truncate(to: first)
        buffer.append(kept.bytes)
        scope.count = kept.count
    }

    /// `@safe`: made and compared while the buffer that it is a slice of is lent.
    @safe private struct Name: Hashable {
        let bytes: Slice<UnsafeRawBufferPointer>

        static func == (left: Self, right: Self) -> Bool { unsafe left.bytes.elementsEqual(right.bytes) }
        func hash(into hasher: inout Hasher) { unsafe hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes)) }
    }

    /// Where the members are, and their names; in JSON a byte stands behind each of both.
    private static func members<Reader: ItemReader>(
        _ count: Int,
        _ reader: Reader,
        separators: Int
    ) -> [(name: Range<Int>, whole: Range<Int>)]? {
        var reader = reader
        var members: [(name: Range<Int>, whole: Range<Int>)] = []
        members.reserveCapacity(count)
        do {
            for _ in 0..<count {
                let start = reader.position
                try reader.skipItem(depth: 0)
                let nameEnd = reader.position
                reader.position = nameEnd + separators
                try reader.skipItem(depth: 0)
                members.append((start..<nameEnd, start..<reader.position))
                reader.position += separators
            }
            return members
        } catch {
            return nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Names that are there twice: the last member of a name counts (B307).
extension MapMembers {
    /// Whether members may have been asked for that are not the last of their name.
    ///
    /// Not where all were asked for in their order, as nearly always: then their names differ, as those asked for do.
    @inline(__always)
    var mayHaveMissedRepeats: Bool { first.position > 0 && (mark.remaining != 0 || !areAskedInOrder) }

    /// Whether they were.
    ///
    /// - Throws: that a key is no text; whoever looks for a name stops there.
    func hasMissedRepeats() throws(CodingError) -> Bool {
        if known.contains(.repeats) || areAskedInOrder && isAtEnd { return false }
        return try findRepeats() != nil
    }

    /// So far, up to the mark.
    private var areAskedInOrder: Bool { known == [.key, .asked] || known == [] }

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
        } catch { return false }
    }

    /// From now on the last of a name counts; returns whether one that was asked for before may not have been it.
    mutating func lookForRepeats() throws(CodingError) -> Bool {
        guard let places = try findRepeats() else { return false }
        defer {
            // No place in which a key would be expected.
            (mark, known, passedLengths, lastPlaces) = (.nowhere, [.key, .repeats], .max, places)
        }
        return known.contains(.asked) || mark.position != first.position
    }

    /// Where the last member of each name is; nil where no name is there twice.
    @inline(never)
    private func findRepeats() throws(CodingError) -> [NameID: (key: Int, value: Int)]? {
        guard first.position > 0 else { return nil }
        var names: [(id: NameID, key: Int, value: Int)] = []
        names.reserveCapacity(max(first.remaining &+ 1, 8))
        var reader = reader(at: first.position)
        var remaining = first.remaining
        repeat {
            let key = reader.position
            if let name = try reader.readKey() { names.append((NameID(name), key, reader.position)) }
            try reader.skipItem(depth: 0)
        } while try reader.hasNext(&remaining)
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
    func findLast<Reader: ItemReader>(_ name: UnsafeRawBufferPointer, _ start: Reader) -> Int? {
        guard let place = unsafe lastPlaces[NameID(name)] else { return nil }
        var reader = start
        reader.position = place.key
        // Another name may have the same hash.
        guard unsafe (try? reader.readKey(equals: name)) == true else { return nil }
        return place.value
    }
}

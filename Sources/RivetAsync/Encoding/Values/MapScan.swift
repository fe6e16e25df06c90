// SPDX-License-Identifier: Apache-2.0

/// A map's members, looked through from any of them on.
struct MapScan {
    /// The map itself.
    let decoder: ValueDecoder
    /// The first key's place; nil if there is none.
    let first: Mark?

    /// A place between members, and what the reader knows of those behind it.
    struct Mark {
        var position: Int
        var remaining: Int
        /// A key stands here; else the end of a value, and it is still to be seen whether a key follows.
        var isKey = true
    }

    init(_ decoder: ValueDecoder) throws {
        self.decoder = decoder
        guard !decoder.isNothing else {
            first = nil
            return
        }
        first = try decoder.read([String: Int].self) { (reader) throws(CodingFailure) -> Mark? in
            var remaining = try reader.beginMap()
            return try reader.hasNext(&remaining) ? Mark(position: reader.position, remaining: remaining) : nil
        }
    }

    /// The value's place.
    func find(_ name: UnsafeRawBufferPointer) -> Int? {
        guard var mark = first else { return nil }
        return find(name, from: &mark, until: .max)
    }

    /// Searches from `mark` to the end or `limit`; if the key is found, `mark` is there then.
    func find(_ name: UnsafeRawBufferPointer, from mark: inout Mark, until limit: Int) -> Int? {
        let reader = decoder.reader
        return reader.isJSON ? find(name, reader.json, &mark, limit) : find(name, reader.cbor, &mark, limit)
    }

    /// The document was checked, so nothing here fails.
    @inline(__always)
    private func find<Reader: ItemReader>(
        _ name: UnsafeRawBufferPointer,
        _ start: Reader,
        _ mark: inout Mark,
        _ limit: Int
    ) -> Int? {
        var reader = start
        reader.position = mark.position
        var remaining = mark.remaining
        do throws(CodingFailure) {
            if !mark.isKey, try !reader.hasNext(&remaining) { return nil }
            repeat {
                let position = reader.position
                guard position < limit else { return nil }
                if try reader.readKey(equals: name) {
                    mark = Mark(position: position, remaining: remaining)
                    return reader.position
                }
                try reader.skipItem(depth: 0)
            } while try reader.hasNext(&remaining)
        } catch {}
        return nil
    }

    func keys<Key: CodingKey>() -> [Key] {
        guard let first else { return [] }
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

/// A scan that goes on where the last one found its key: `Codable` asks for keys in the order in which they are
/// written nearly always, and only where they come in another order the search goes round.
final class MapCursor {
    let scan: MapScan
    private var mark: MapScan.Mark?

    init(_ scan: MapScan) {
        self.scan = scan
        mark = scan.first
    }

    func find(_ name: UnsafeRawBufferPointer) -> Int? {
        guard var mark else { return nil }
        let from = mark.position
        var found = scan.find(name, from: &mark, until: .max)
        if found == nil, var first = scan.first, first.position != from {
            found = scan.find(name, from: &first, until: from)
            mark = first
        }
        if found != nil { self.mark = mark }
        return found
    }

    /// The value of the key that was found last is read.
    func passed(to position: Int) {
        mark?.position = position
        mark?.isKey = false
    }
}

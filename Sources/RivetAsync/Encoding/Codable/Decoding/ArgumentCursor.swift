// SPDX-License-Identifier: Apache-2.0

/// Gives each name asked for the next argument.
///
/// It serves one value of a type after another, whose names come in the same order again.
struct ArgumentCursor {
    private var names: [[UInt8]] = []
    private var places: [Int?] = []
    /// How many of the names were asked for; the rest are those of the value before.
    private var asked = 0
    private var list: UnkeyedDecoder?
    /// The first argument, if it is text that was escaped.
    private(set) var escapedPlace: Int?

    init(_ list: UnkeyedDecoder) { restart(list) }

    mutating func restart(_ list: UnkeyedDecoder) {
        self.list = list
        asked = 0
        escapedPlace = !list.isAtEnd && list.current.flags.contains(.escaped) ? Int(list.current.offset) : nil
    }

    /// Lets go of the document.
    mutating func end() { list = nil }

    mutating func place(of name: UnsafeRawBufferPointer) -> Int? {
        if unsafe asked == names.count || !names[asked].elementsEqual(name) {
            if let index = names[..<asked].firstIndex(where: { unsafe $0.elementsEqual(name) }) { return places[index] }
            names.removeSubrange(asked...)
            places.removeSubrange(asked...)
            unsafe names.append(Array(name))
            places.append(nil)
        }
        let place = list?.isAtEnd == false ? list.map { Int($0.current.offset) } : nil
        if place != nil { list?.advance() }
        places[asked] = place
        asked += 1
        return place
    }
}

// SPDX-License-Identifier: Apache-2.0

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

// SPDX-License-Identifier: Apache-2.0

/// One of the two readers, chosen by a flag: the Codable side is written once, and every call here is direct.
struct DocumentReader: ItemReader {
    private let bytes: UnsafeRawBufferPointer
    let isJSON: Bool
    var position: Int

    var cbor: CBORReader { CBORReader(bytes, position: position) }
    var json: JSONReader { JSONReader(bytes, position: position) }

    init(_ bytes: UnsafeRawBufferPointer, position: Int, isJSON: Bool) {
        self.bytes = bytes
        self.position = position
        self.isJSON = isJSON
    }

    init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        self.init(bytes, position: position, isJSON: false)
    }

    @inline(__always)
    private mutating func read<R>(
        _ cbor: (inout CBORReader) throws(CodingFailure) -> R,
        _ json: (inout JSONReader) throws(CodingFailure) -> R
    ) throws(CodingFailure) -> R {
        if isJSON {
            var reader = JSONReader(bytes, position: position)
            let result = try json(&reader)
            position = reader.position
            return result
        }
        var reader = CBORReader(bytes, position: position)
        let result = try cbor(&reader)
        position = reader.position
        return result
    }

    @inline(__always)
    mutating func peekKind() throws(CodingFailure) -> ItemKind {
        try read({ (r) throws(CodingFailure) in try r.peekKind() }, { (r) throws(CodingFailure) in try r.peekKind() })
    }

    @inline(__always)
    mutating func skipItem(depth: Int) throws(CodingFailure) {
        try read(
            { (r) throws(CodingFailure) in try r.skipItem(depth: depth) },
            { (r) throws(CodingFailure) in try r.skipItem(depth: depth) }
        )
    }

    @inline(__always)
    mutating func readEnd() throws(CodingFailure) {
        try read({ (r) throws(CodingFailure) in try r.readEnd() }, { (r) throws(CodingFailure) in try r.readEnd() })
    }

    @inline(__always)
    mutating func beginArray() throws(CodingFailure) -> Int {
        try read(
            { (r) throws(CodingFailure) in try r.beginArray() },
            { (r) throws(CodingFailure) in try r.beginArray() }
        )
    }

    @inline(__always)
    mutating func beginMap() throws(CodingFailure) -> Int {
        try read({ (r) throws(CodingFailure) in try r.beginMap() }, { (r) throws(CodingFailure) in try r.beginMap() })
    }

    @inline(__always)
    mutating func hasNext(_ remaining: inout Int) throws(CodingFailure) -> Bool {
        try read(
            { (r) throws(CodingFailure) in try r.hasNext(&remaining) },
            { (r) throws(CodingFailure) in try r.hasNext(&remaining) }
        )
    }

    @inline(__always)
    mutating func readKey() throws(CodingFailure) -> String? {
        try read({ (r) throws(CodingFailure) in try r.readKey() }, { (r) throws(CodingFailure) in try r.readKey() })
    }

    @inline(__always)
    mutating func readKey(equals name: UnsafeRawBufferPointer) throws(CodingFailure) -> Bool {
        try read(
            { (r) throws(CodingFailure) in try r.readKey(equals: name) },
            { (r) throws(CodingFailure) in try r.readKey(equals: name) }
        )
    }

    @inline(__always)
    mutating func readBool() throws(CodingFailure) -> Bool {
        try read({ (r) throws(CodingFailure) in try r.readBool() }, { (r) throws(CodingFailure) in try r.readBool() })
    }

    @inline(__always)
    mutating func readText() throws(CodingFailure) -> String {
        try read({ (r) throws(CodingFailure) in try r.readText() }, { (r) throws(CodingFailure) in try r.readText() })
    }

    @inline(__always)
    mutating func readInteger<T: FixedWidthInteger>(as type: T.Type) throws(CodingFailure) -> T {
        try read(
            { (r) throws(CodingFailure) in try r.readInteger(as: type) },
            { (r) throws(CodingFailure) in try r.readInteger(as: type) }
        )
    }

    @inline(__always)
    mutating func readDouble() throws(CodingFailure) -> Double {
        try read(
            { (r) throws(CodingFailure) in try r.readDouble() },
            { (r) throws(CodingFailure) in try r.readDouble() }
        )
    }

    @inline(__always)
    mutating func readBytes() throws(CodingFailure) -> [UInt8] {
        try read({ (r) throws(CodingFailure) in try r.readBytes() }, { (r) throws(CodingFailure) in try r.readBytes() })
    }

    @inline(__always)
    mutating func readNil() throws(CodingFailure) -> Bool {
        try read({ (r) throws(CodingFailure) in try r.readNil() }, { (r) throws(CodingFailure) in try r.readNil() })
    }

    /// Steps over the tags in front of an item, which JSON has not; the innermost.
    @inline(__always)
    mutating func readTags() throws(CodingFailure) -> UInt64? {
        try read({ (r) throws(CodingFailure) in try r.readTags() }, { (_) throws(CodingFailure) in nil })
    }

    /// The tag in front of an item, as CBOR writes it.
    @inline(__always)
    mutating func readTag() throws(CodingFailure) -> UInt64 {
        try read({ (r) throws(CodingFailure) in try r.readHead().argument }, { (_) throws(CodingFailure) in 0 })
    }

    @inline(__always)
    mutating func readSimpleValue() throws(CodingFailure) -> UInt8 {
        try read(
            { (r) throws(CodingFailure) in UInt8(truncatingIfNeeded: try r.readHead().argument) },
            { (_) throws(CodingFailure) in 0 }
        )
    }

    /// The digits of JSON's number that is next.
    @inline(__always)
    mutating func readDigits() throws(CodingFailure) -> String {
        try read(
            { (_) throws(CodingFailure) in "" },
            { (r) throws(CodingFailure) in String(decoding: try r.scanNumber().bytes, as: UTF8.self) }
        )
    }

    @inline(__always)
    mutating func readPlainBytes() throws(CodingFailure) -> Range<Int>? {
        try read({ (r) throws(CodingFailure) in try r.readPlainBytes() }, { (_) throws(CodingFailure) in nil })
    }
}

// SPDX-License-Identifier: Apache-2.0

/// What a document's bytes are, as far as a reader needs to know.
enum DocumentSyntax: UInt8 {
    case cbor, json
    /// JSON without tagged pairs.
    case plainJSON
}

/// One of the two readers, chosen by a flag: the Codable side is written once, and every call here is direct.
///
/// `@safe`: as the readers that it makes.
@safe struct DocumentReader: ItemReader {
    private let bytes: UnsafeRawBufferPointer
    private let syntax: DocumentSyntax
    var position: Int

    var isJSON: Bool { syntax != .cbor }
    var hasPairs: Bool { syntax != .plainJSON }

    init(_ bytes: UnsafeRawBufferPointer, position: Int, _ syntax: DocumentSyntax) {
        unsafe self.bytes = bytes
        self.position = position
        self.syntax = syntax
    }

    init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        unsafe self.init(bytes, position: position, .cbor)
    }

    @inline(__always)
    private mutating func read<R>(
        _ cbor: (inout CBORReader) throws(CodingError) -> R,
        _ json: (inout JSONReader) throws(CodingError) -> R
    ) throws(CodingError) -> R {
        if isJSON {
            var reader = unsafe JSONReader(bytes, position: position, hasPairs: hasPairs)
            let result = try json(&reader)
            position = reader.position
            return result
        }
        var reader = unsafe CBORReader(bytes, position: position)
        let result = try cbor(&reader)
        position = reader.position
        return result
    }

    @inline(__always)
    mutating func peekKind() throws(CodingError) -> ItemKind {
        try read({ (r) throws(CodingError) in try r.peekKind() }, { (r) throws(CodingError) in try r.peekKind() })
    }

    @inline(__always)
    mutating func skipItem(depth: Int) throws(CodingError) {
        try read(
            { (r) throws(CodingError) in try r.skipItem(depth: depth) },
            { (r) throws(CodingError) in try r.skipItem(depth: depth) }
        )
    }

    @inline(__always)
    mutating func readEnd() throws(CodingError) {
        try read({ (r) throws(CodingError) in try r.readEnd() }, { (r) throws(CodingError) in try r.readEnd() })
    }

    @inline(__always)
    mutating func beginArray() throws(CodingError) -> Int {
        try read(
            { (r) throws(CodingError) in try r.beginArray() },
            { (r) throws(CodingError) in try r.beginArray() }
        )
    }

    @inline(__always)
    mutating func beginMap() throws(CodingError) -> Int {
        try read({ (r) throws(CodingError) in try r.beginMap() }, { (r) throws(CodingError) in try r.beginMap() })
    }

    @inline(__always)
    mutating func hasNext(_ remaining: inout Int) throws(CodingError) -> Bool {
        try read(
            { (r) throws(CodingError) in try r.hasNext(&remaining) },
            { (r) throws(CodingError) in try r.hasNext(&remaining) }
        )
    }

    @inline(__always)
    mutating func readKey() throws(CodingError) -> String? {
        try read({ (r) throws(CodingError) in try r.readKey() }, { (r) throws(CodingError) in try r.readKey() })
    }

    @inline(__always)
    mutating func readKey(equals name: UnsafeRawBufferPointer) throws(CodingError) -> Bool {
        try read(
            { (r) throws(CodingError) in try unsafe r.readKey(equals: name) },
            { (r) throws(CodingError) in try unsafe r.readKey(equals: name) }
        )
    }

    @inline(__always)
    mutating func readBool() throws(CodingError) -> Bool {
        try read({ (r) throws(CodingError) in try r.readBool() }, { (r) throws(CodingError) in try r.readBool() })
    }

    @inline(__always)
    mutating func readText() throws(CodingError) -> String {
        try read({ (r) throws(CodingError) in try r.readText() }, { (r) throws(CodingError) in try r.readText() })
    }

    @inline(__always)
    mutating func readInteger<T: FixedWidthInteger>(as type: T.Type) throws(CodingError) -> T {
        try read(
            { (r) throws(CodingError) in try r.readInteger(as: type) },
            { (r) throws(CodingError) in try r.readInteger(as: type) }
        )
    }

    @inline(__always)
    mutating func readDouble() throws(CodingError) -> Double {
        try read(
            { (r) throws(CodingError) in try r.readDouble() },
            { (r) throws(CodingError) in try r.readDouble() }
        )
    }

    @inline(__always)
    mutating func readFloat() throws(CodingError) -> Float {
        try read({ (r) throws(CodingError) in try r.readFloat() }, { (r) throws(CodingError) in try r.readFloat() })
    }

    @inline(__always)
    mutating func readBytes() throws(CodingError) -> [UInt8] {
        try read({ (r) throws(CodingError) in try r.readBytes() }, { (r) throws(CodingError) in try r.readBytes() })
    }

    @inline(__always)
    mutating func readNil() throws(CodingError) -> Bool {
        try read({ (r) throws(CodingError) in try r.readNil() }, { (r) throws(CodingError) in try r.readNil() })
    }

    /// Steps over the tags in front of an item, which JSON has not; the innermost.
    @inline(__always)
    mutating func readTags() throws(CodingError) -> UInt64? {
        try read({ (r) throws(CodingError) in try r.readTags() }, { (_) throws(CodingError) in nil })
    }

    /// The tag in front of an item, as CBOR writes it.
    @inline(__always)
    mutating func readTag() throws(CodingError) -> UInt64 {
        try read({ (r) throws(CodingError) in try r.readHead().argument }, { (_) throws(CodingError) in 0 })
    }

    @inline(__always)
    mutating func readSimpleValue() throws(CodingError) -> UInt8 {
        try read(
            { (r) throws(CodingError) in UInt8(truncatingIfNeeded: try r.readHead().argument) },
            { (_) throws(CodingError) in 0 }
        )
    }

    /// The digits of JSON's number that is next.
    @inline(__always)
    mutating func readDigits() throws(CodingError) -> String {
        try read(
            { (_) throws(CodingError) in "" },
            { (r) throws(CodingError) in unsafe String(decoding: try r.scanNumber().bytes, as: UTF8.self) }
        )
    }

    @inline(__always)
    mutating func readPlainBytes() throws(CodingError) -> Range<Int>? {
        try read({ (r) throws(CodingError) in try r.readPlainBytes() }, { (_) throws(CodingError) in nil })
    }
}

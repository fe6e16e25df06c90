// SPDX-License-Identifier: Apache-2.0

/// Where the writers of CBOR, JSON and BARE append: an array, a stream's buffer, an encoder's own.
package protocol ByteOutput: ~Copyable {
    mutating func append(_ byte: UInt8)
    mutating func append(_ bytes: UnsafeRawBufferPointer)
    /// A byte and what it announces.
    mutating func append(_ head: UInt8, _ bytes: UnsafeRawBufferPointer)
}

extension ByteBuffer: ByteOutput {}

extension [UInt8]: ByteOutput {
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        append(contentsOf: bytes)
    }
}

extension ByteOutput where Self: ~Copyable {
    package mutating func append(_ head: UInt8, _ bytes: UnsafeRawBufferPointer) {
        append(head)
        append(bytes)
    }

    package mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(utf8 text: String) {
        withUTF8(of: text) { append($0) }
    }

    /// The lowest `count` bytes of `word`, highest first.
    @inline(__always)
    package mutating func append(bigEndian word: UInt64, count: Int) {
        var bytes = (word << UInt64(64 &- count &* 8)).bigEndian
        withUnsafeBytes(of: &bytes) { append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}

/// Calls `body` with the text's bytes: without a copy, but for the few strings that are not stored as UTF-8.
@inline(__always)
package func withUTF8<R>(of text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let done = try text.utf8.withContiguousStorageIfAvailable { try body(UnsafeRawBufferPointer($0)) }
    if let done { return done }
    var copy = text
    return try copy.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
}

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
        unsafe append(contentsOf: bytes)
    }
}

extension ByteOutput where Self: ~Copyable {
    package mutating func append(_ head: UInt8, _ bytes: UnsafeRawBufferPointer) {
        append(head)
        unsafe append(bytes)
    }

    /// At once, where `append(contentsOf:)` of an array would take a chunk byte by byte.
    package mutating func append(_ chunk: ByteChunk) {
        chunk.withUnsafeBytes { unsafe append($0) }
    }

    package mutating func append(_ text: StaticString) {
        unsafe append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(utf8 text: String) {
        unsafe withUTF8(of: text) { unsafe append($0) }
    }

    /// The lowest `count` bytes of `word`, highest first.
    @inline(__always)
    package mutating func append(bigEndian word: UInt64, count: Int) {
        var bytes = (word << UInt64(64 &- count &* 8)).bigEndian
        unsafe withUnsafeBytes(of: &bytes) { unsafe append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}

/// Calls `body` with the text's bytes: without a copy, but for the few strings that are not stored as UTF-8.
@inline(__always)
package func withUTF8<R>(of text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let done = try unsafe text.utf8.withContiguousStorageIfAvailable { try unsafe body(UnsafeRawBufferPointer($0)) }
    if let done { return done }
    var copy = text
    return try copy.withUTF8 { try unsafe body(UnsafeRawBufferPointer($0)) }
}

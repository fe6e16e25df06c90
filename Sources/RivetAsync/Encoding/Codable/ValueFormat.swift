// SPDX-License-Identifier: Apache-2.0

/// How a user's value stands on the wire: the three columns of PROTOCOL j4, and JSON that is not Rivet's.
package enum ValueFormat: Sendable, Hashable, CaseIterable {
    /// The encoding json.
    case json
    /// The encoding cbor, which passes through JSON inside the server: bytes are a pair, dates ISO 8601 text.
    case cbor
    /// CBOR inside BARE messages, which passes untouched: byte strings and date tags.
    case nativeCBOR
    /// JSON of the user's own, which Rivet passes on without a look at it: raw bodies, connection parameters.
    ///
    /// No array is a tagged pair, and numbers have all their digits. `[UInt8]` and ``ByteChunk`` are arrays of numbers
    /// and `Data` is Base64 text, as `JSONEncoder` writes them; a date is text, as `JSON.stringify` writes it.
    case plainJSON

    var isJSON: Bool { syntax != .cbor }

    var syntax: DocumentSyntax {
        switch self {
        case .json: .json
        case .cbor, .nativeCBOR: .cbor
        case .plainJSON: .plainJSON
        }
    }
}

/// How values are written.
package struct ValueEncodingOptions: Sendable, Hashable {
    /// Writes integers beyond 32 and within 53 bits as floats, so that a JavaScript actor gets numbers instead of
    /// BigInts.
    ///
    /// Off by default: an actor in Rust refuses a float for an integer.
    package var javaScriptNumbers: Bool
    /// Writes NaN and the infinities as null where JSON has no form of them, as the server does (PROTOCOL j5).
    ///
    /// Off by default: a client that sends one gets an error.
    package var notFiniteAsNull: Bool

    package init(javaScriptNumbers: Bool = false, notFiniteAsNull: Bool = false) {
        self.javaScriptNumbers = javaScriptNumbers
        self.notFiniteAsNull = notFiniteAsNull
    }
}

/// A value that is encoded already, or not decoded yet.
package struct EncodedValue: Sendable, Hashable {
    package var bytes: ByteChunk
    package var format: ValueFormat

    package init(bytes: ByteChunk, format: ValueFormat) {
        self.bytes = bytes
        self.format = format
    }

    package func decode<T: Decodable>(_: T.Type = T.self) throws -> T {
        try format.decode(T.self, from: bytes)
    }
}

// MARK: Encoding

extension ValueFormat {
    package func encode(_ value: some Encodable, options: ValueEncodingOptions = .init()) throws -> ByteChunk {
        try encoded(options) { output in try output.write(value) }
    }

    /// A list of arguments that holds the one value: `[{…}]`; of a value without properties it is empty (B47).
    package func encodeArgument(_ value: some Encodable, options: ValueEncodingOptions = .init()) throws -> ByteChunk {
        try encoded(options) { output in try output.writeArgument(value) }
    }

    /// The value's properties in their order as a list of arguments; nil is written as null.
    package func encodePositionalArguments(
        _ value: some Encodable,
        options: ValueEncodingOptions = .init()
    ) throws -> ByteChunk {
        try encoded(options) { output in try output.writeProperties(value) }
    }

    package func encodeArguments<each Argument: Encodable>(
        _ argument: repeat each Argument,
        options: ValueEncodingOptions = .init()
    ) throws -> ByteChunk {
        try encoded(options) { output in
            try output.writeArray { repeat try output.writeElement(each argument) }
        }
    }

    private func encoded(_ options: ValueEncodingOptions, _ body: (ValueOutput) throws -> Void) throws -> ByteChunk {
        try EncodingSession.encode(self, options: options, body)
    }
}

// MARK: Decoding

extension ValueFormat {
    /// Null, undefined, `["$Undefined",0]` and no bytes at all are nothing: they decode to `NoValue` and optionals.
    package func decode<T: Decodable>(_: T.Type = T.self, from bytes: ByteChunk) throws -> T {
        try decode(from: bytes) { (root) throws in try root.decodeValue(T.self) }
    }

    /// The one argument: the first element, or the whole where it is no array (B110), or nothing.
    package func decodeArgument<T: Decodable>(_: T.Type = T.self, from bytes: ByteChunk) throws -> T {
        try decode(from: bytes) { (root) throws in
            // The usual form, without a list of it.
            if let first = try root.firstArgument() { return try first.decodeValue(T.self) }
            var arguments = try ArgumentList(root)
            return try arguments.next(T.self)
        }
    }

    /// The arguments as a value's properties in their order; extra ones are ignored, missing ones nil (B111).
    package func decodePositionalArguments<T: Decodable>(_: T.Type = T.self, from bytes: ByteChunk) throws -> T {
        try decode(from: bytes) { (root) throws in
            if SpecialType(T.self) != nil {
                var arguments = try ArgumentList(root)
                return try arguments.next(T.self)
            }
            return try T(from: root.positional)
        }
    }

    /// The arguments one by one; extra ones are ignored, missing ones must be optional (B111).
    package func decodeArguments<each Value: Decodable>(
        as _: (repeat each Value).Type = (repeat each Value).self,
        from bytes: ByteChunk
    ) throws -> (repeat each Value) {
        try decode(from: bytes) { (root) throws in
            var arguments = try ArgumentList(root)
            return try (repeat arguments.next((each Value).self))
        }
    }

    private func decode<R>(from bytes: ByteChunk, _ body: (ValueDecoder) throws -> R) throws -> R {
        if self == .plainJSON { return try decodePlain(from: bytes, body) }
        return try DecodingSession.decode(bytes, syntax, body)
    }

    /// Apart, so that the bytes of the other formats are passed on as they are, without a count of references.
    @inline(never)
    private func decodePlain<R>(from bytes: ByteChunk, _ body: (ValueDecoder) throws -> R) throws -> R {
        try DecodingSession.decode(bytes.withoutByteOrderMark, .plainJSON, body)
    }
}

extension ByteChunk {
    /// Without the mark that some put in front of UTF-8, and that RFC 8259 §8.1 lets a reader skip.
    fileprivate var withoutByteOrderMark: ByteChunk {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        return starts(with: mark) ? slice(mark.count..<count) : self
    }
}

/// Reads a list of arguments one after another.
private struct ArgumentList {
    private var list: UnkeyedDecoder
    private var index = -1

    init(_ root: ValueDecoder) throws {
        list = try root.argumentList() ?? UnkeyedDecoder(one: root)
    }

    mutating func next<T: Decodable>(_: T.Type) throws -> T {
        index += 1
        // Skip the previous argument only now: usually there is no next one.
        if index > 0, !list.isAtEnd { list.advance() }
        return list.isAtEnd ? try missing(T.self) : try list.current.decodeValue(T.self)
    }

    /// What an argument that is not there decodes to.
    private func missing<T: Decodable>(_: T.Type) throws -> T {
        do {
            return try list.decoder.nothing.decodeValue(T.self)
        } catch {
            var failure = CodingError(.missingField, at: 0, wanted: "\(T.self)", found: "no argument")
            failure.path = "[\(index)]"
            failure.underlying = error
            throw failure
        }
    }
}

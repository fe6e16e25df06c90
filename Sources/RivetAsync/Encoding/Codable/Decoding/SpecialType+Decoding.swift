// SPDX-License-Identifier: Apache-2.0

/// From 1970, where the wire counts from, to 2001, where Foundation's Date does.
let secondsFrom1970To2001 = 978_307_200.0

extension ValueDecoder {
    func decodeSpecial<T: Decodable>(_ special: SpecialType) throws -> T {
        switch special {
        case .string: return same(try text())
        case .int: return same(try integer(Int.self))
        case .double: return same(try decode(Double.self))
        case .bool: return same(try decode(Bool.self))
        case .bytes: return same(try bytes(T.self))
        case .chunk: return same(try chunk())
        case .untyped: return same(try untyped())
        case .data:
            guard let type = T.self as? any RangeReplaceableCollection<UInt8>.Type else { return try T(from: self) }
            let bytes = try bytes(T.self)
            func make<C: RangeReplaceableCollection<UInt8>>(_: C.Type) -> T { same(C(bytes)) }
            return make(type)
        case .date:
            let seconds = try read(T.self) { (reader) throws(CodingError) in
                let start = reader.position
                let seconds = try reader.readDate()
                // NaN too. Foundation's calendar traps at what lies far beyond, and `Date` has no text of it.
                guard abs(seconds) <= DateText.maxSeconds else {
                    throw CodingError(.typeMismatch, at: start, wanted: "Date", found: "no date of JavaScript's range")
                }
                return seconds
            }
            return try fromOwnForm { $0.appendCBOR(seconds - secondsFrom1970To2001) }
        case .url:
            if try read(T.self, { (reader) throws(CodingError) in try reader.peekKind() }) == .map {
                return try T(from: self)
            }
            let text = try text()
            return try fromOwnForm {
                $0.appendCBORMapHead(1)
                $0.appendCBOR("relative")
                $0.appendCBOR(text)
            }
        case .decimal:
            let text = try read(T.self) { (reader) throws(CodingError) in
                switch try reader.peekKind() {
                case .integer where reader.isJSON, .float where reader.isJSON: try reader.readDigits()
                case .integer, .tag: try reader.readInteger(as: Int128.self).description
                case .array: try reader.readBigIntDigits(wanted: "Decimal")
                case .float: try reader.readDouble().description
                case .text: try reader.readText()
                default: ""
                }
            }
            let number =
                text.isEmpty ? DecimalNumber(checking: try DecimalNumber.OwnForm(from: self)) : DecimalNumber(text)
            guard let number else {
                throw decodingError(CodingError(.integerOverflow, at: Int(offset), wanted: "Decimal"), T.self)
            }
            return try fromOwnForm { number.append(to: &$0) }
        case .duration:
            let value = try Duration(from: self)
            guard value.hasSeconds else {
                throw decodingError(CodingError(.integerOverflow, at: Int(offset), wanted: "Duration"), T.self)
            }
            return same(value)
        }
    }

    /// Foundation's types are made from the form they write themselves, because no other way is open from here.
    private func fromOwnForm<T: Decodable>(_ write: (inout [UInt8]) -> Void) throws -> T {
        var form: [UInt8] = []
        write(&form)
        do {
            return try DecodingSession.decode(ByteChunk(form), .cbor) { (root) throws in try T(from: root) }
        } catch {
            var failure = CodingError(.refusedByType, at: Int(offset), wanted: "\(T.self)")
            failure.underlying = error
            throw decodingError(failure, T.self)
        }
    }

    func bytes(_ wanted: Any.Type) throws -> [UInt8] {
        try read(wanted) { (reader) throws(CodingError) in try reader.readBytes() }
    }

    /// Bytes without a copy, where they stand in the document as they are.
    private func chunk() throws -> ByteChunk {
        let range = try read(ByteChunk.self) { (reader) throws(CodingError) in try reader.readPlainBytes() }
        return try range.map(session.slice) ?? ByteChunk(bytes(ByteChunk.self))
    }

    func untyped() throws -> RivetValue {
        if isNothing { return .null }
        let value = try read(RivetValue.self) { (reader) throws(CodingError) in try RivetValue(&reader) }
        if flags.contains(.escaped), case .string(let text) = value { return .string(text.withoutDollar) }
        return value
    }
}

/// A value of a type that is known to be `B`.
@inline(__always)
func same<A, B>(_ value: A, as _: B.Type = B.self) -> B {
    precondition(A.self == B.self)
    return unsafe unsafeBitCast(value, to: B.self)
}

extension DocumentReader {
    /// Seconds since 1970 from tag 0, tag 1 or ISO 8601 text (PROTOCOL j4).
    mutating func readDate() throws(CodingError) -> Double {
        let start = position
        let tag = try readTags()
        switch try peekKind() {
        case .text:
            guard let seconds = DateText.read(try readText()) else {
                throw CodingError(.typeMismatch, at: start, wanted: "Date", found: "text that is no ISO 8601 date")
            }
            return seconds
        case .integer where tag == 1, .float where tag == 1:
            return try readDouble()
        default:
            throw CodingError(.typeMismatch, at: start, wanted: "Date")
        }
    }
}

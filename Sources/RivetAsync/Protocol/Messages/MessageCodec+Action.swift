// SPDX-License-Identifier: Apache-2.0

/// The bodies of an action over HTTP (PROTOCOL e1, g4).
extension MessageCodec {
    /// `arguments` is one encoded array.
    package func writeActionBody(arguments: ByteChunk, to output: inout some ByteOutput & ~Copyable) {
        writeSingle("args", arguments, to: &output)
    }

    /// The arguments as they stand there; none, or null, is an empty array.
    ///
    /// What is not an array is one argument.
    package func readActionBody(_ body: ByteChunk) throws(CodingError) -> ByteChunk {
        guard let arguments = try readSingle("args", body), encoding == .bare || !isNothing(arguments) else {
            return emptyArguments
        }
        return arguments
    }

    package func writeActionResult(output value: ByteChunk, to output: inout some ByteOutput & ~Copyable) {
        writeSingle("output", value, to: &output)
    }

    package func readActionResult(_ body: ByteChunk) throws(CodingError) -> ByteChunk {
        try readSingle("output", body).required("output", at: 0)
    }

    private func writeSingle(_ name: String, _ value: ByteChunk, to output: inout some ByteOutput & ~Copyable) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(data: value)
        case .cbor:
            output.appendCBORMapHead(1)
            output.appendCBOR(name)
            appendInline(value, to: &output)
        case .json:
            output.append("{")
            output.appendJSON(name)
            output.append(":")
            appendInline(value, to: &output)
            output.append("}")
        }
    }

    private func readSingle(_ name: String, _ body: ByteChunk) throws(CodingError) -> ByteChunk? {
        func readMember(_ reader: inout some MessageReader) throws(CodingError) -> ByteChunk? {
            var value: ByteChunk?
            try reader.readMembers { (key, reader) throws(CodingError) in
                if key == name { value = try reader.readValueSlice(of: body) } else { try reader.skipValue() }
            }
            return value
        }
        if encoding == .bare {
            return try readBARE(body) { (reader, _) throws(CodingError) in body.slice(try reader.readData()) }
        }
        return try readItems(
            body,
            cbor: { (reader) throws(CodingError) in try readMember(&reader) },
            json: { (reader) throws(CodingError) in try readMember(&reader) }
        )
    }
}

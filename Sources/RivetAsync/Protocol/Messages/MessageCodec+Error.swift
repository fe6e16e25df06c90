// SPDX-License-Identifier: Apache-2.0

/// Errors: as messages of a connection, and as bodies of HTTP answers (PROTOCOL e6, g2, g4 to g6).
extension MessageCodec {
    // MARK: Reading

    package func readErrorBody(_ body: ByteChunk) throws(CodingError) -> ErrorMessage {
        switch encoding {
        case .bare:
            try readBARE(body) { (reader, version) throws(CodingError) in
                try readError(&reader, version, of: body, hasActionID: false)
            }
        case .cbor, .json:
            try readItems(
                body,
                cbor: { (reader) throws(CodingError) in try readError(&reader, of: body) },
                json: { (reader) throws(CodingError) in try readError(&reader, of: body) }
            )
        }
    }

    func readError(
        _ reader: inout BAREReader,
        _ version: ProtocolVersion,
        of document: ByteChunk,
        hasActionID: Bool
    ) throws(CodingError) -> ErrorMessage {
        var error = ErrorMessage(
            group: try reader.readString(),
            code: try reader.readString(),
            message: try reader.readString()
        )
        let metadata = try reader.readOptional { (reader) throws(CodingError) in try reader.readData() }
        error.metadata = metadata.flatMap { metadataValue(document.slice($0)) }
        if hasActionID {
            error.actionID = try reader.readOptional { (reader) throws(CodingError) in try reader.readUInt() }
        }
        if version >= .actorInErrors {
            error.actor = try reader.readOptional { (reader) throws(CodingError) in
                ActorReference(
                    actorID: ActorID(rawValue: try reader.readString()),
                    generation: try reader.readUInt(),
                    keyText: try reader.readOptional { (reader) throws(CodingError) in try reader.readString() }
                )
            }
        }
        return error
    }

    func readError(_ reader: inout some MessageReader, of document: ByteChunk) throws(CodingError) -> ErrorMessage {
        let start = reader.position
        var group: String?
        var code: String?
        var message: String?
        var error = ErrorMessage(group: "", code: "", message: "")
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "group": group = try reader.readText()
            case "code": code = try reader.readText()
            case "message": message = try reader.readText()
            case "metadata": error.metadata = metadataValue(try reader.readValueSlice(of: document))
            case "actionId":
                error.actionID = try reader.readOptional { (reader) throws(CodingError) in try reader.readID() }
            case "actor":
                error.actor = try reader.readOptional { (reader) throws(CodingError) in
                    try readActorReference(&reader)
                }
            default: try reader.skipValue()
            }
        }
        error.group = try group.required("group", at: start)
        error.code = try code.required("code", at: start)
        error.message = try message.required("message", at: start)
        return error
    }

    private func readActorReference(_ reader: inout some MessageReader) throws(CodingError) -> ActorReference {
        let start = reader.position
        var actorID: String?
        var generation: UInt64?
        var keyText: String?
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "actorId": actorID = try reader.readText()
            case "generation": generation = try reader.readID()
            case "key": keyText = try reader.readOptional { (reader) throws(CodingError) in try reader.readText() }
            default: try reader.skipValue()
            }
        }
        return ActorReference(
            actorID: ActorID(rawValue: try actorID.required("actorId", at: start)),
            generation: try generation.required("generation", at: start),
            keyText: keyText
        )
    }

    /// Metadata that is null, undefined or empty is no metadata (B203; e3 writes null where there is none).
    private func metadataValue(_ bytes: ByteChunk) -> EncodedValue? {
        isNothing(bytes) ? nil : EncodedValue(bytes: bytes, format: encoding.valueFormat)
    }

    // MARK: Writing

    /// The message of a connection.
    package func writeError(_ error: ErrorMessage, to output: inout some ByteOutput & ~Copyable) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(uint: 1)
            appendBARE(error, hasActionID: true, to: &output)
        case .cbor:
            output.appendCBOREnvelope(
                "Error",
                fields: 4 + (error.metadata == nil ? 0 : 1) + (error.actor == nil ? 0 : 1)
            )
            output.appendCBOR("group", error.group)
            output.appendCBOR("code", error.code)
            output.appendCBOR("message", error.message)
            if let metadata = error.metadata {
                output.appendCBOR("metadata")
                output.append(metadata.bytes)
            }
            if let actor = error.actor {
                output.appendCBOR("actor")
                appendCBOR(actor, wide: true, to: &output)
            }
            output.appendCBOR("actionId")
            if let id = error.actionID { output.appendCBORWide(id) } else { output.appendCBORNull() }
        case .json:
            output.append(#"{"body":{"tag":"Error","val":{"actionId":"#)
            if let id = error.actionID { output.appendJSONBigInt(id) } else { output.appendJSONNull() }
            output.append(",")
            appendJSONMembers(error, nullForNoKey: true, to: &output)
            output.append("}}}")
        }
    }

    /// The body of an HTTP answer of the actor side.
    package func writeErrorBody(_ error: ErrorMessage, to output: inout some ByteOutput & ~Copyable) {
        switch encoding {
        case .bare:
            output.appendVersion()
            appendBARE(error, hasActionID: false, to: &output)
        case .cbor:
            output.appendCBORMapHead(3 + (error.metadata == nil ? 0 : 1) + (error.actor == nil ? 0 : 1))
            if let actor = error.actor {
                output.appendCBOR("actor")
                appendCBOR(actor, wide: false, to: &output)
            }
            output.appendCBOR("code", error.code)
            output.appendCBOR("group", error.group)
            output.appendCBOR("message", error.message)
            if let metadata = error.metadata {
                output.appendCBOR("metadata")
                output.append(metadata.bytes)
            }
        case .json:
            output.append("{")
            appendJSONMembers(error, nullForNoKey: false, to: &output)
            output.append("}")
        }
    }

    private func appendBARE(_ error: ErrorMessage, hasActionID: Bool, to output: inout some ByteOutput & ~Copyable) {
        output.appendBARE(error.group)
        output.appendBARE(error.code)
        output.appendBARE(error.message)
        output.appendBARE(optional: error.metadata) { $0.appendBARE(data: $1.bytes) }
        if hasActionID { output.appendBARE(optional: error.actionID) { $0.appendBARE(uint: $1) } }
        output.appendBARE(optional: error.actor) { output, actor in
            output.appendBARE(actor.actorID.rawValue)
            output.appendBARE(uint: actor.generation)
            output.appendBARE(optional: actor.keyText) { $0.appendBARE($1) }
        }
    }

    /// `wide`: with a nine-byte head for the number, as on a connection; over HTTP the shortest stands there (e6).
    private func appendCBOR(_ actor: ActorReference, wide: Bool, to output: inout some ByteOutput & ~Copyable) {
        output.appendCBORMapHead(actor.keyText == nil ? 2 : 3)
        output.appendCBOR("actorId", actor.actorID.rawValue)
        output.appendCBOR("generation")
        if wide { output.appendCBORWide(actor.generation) } else { output.appendCBOR(actor.generation) }
        if let key = actor.keyText {
            output.appendCBOR("key")
            output.appendCBOR(key)
        }
    }

    /// The members but `actionId`, sorted.
    private func appendJSONMembers(
        _ error: ErrorMessage,
        nullForNoKey: Bool,
        to output: inout some ByteOutput & ~Copyable
    ) {
        if let actor = error.actor {
            output.append(#""actor":{"actorId":"#)
            output.appendJSON(actor.actorID.rawValue)
            output.append(#","generation":"#)
            output.appendJSON(digits: actor.generation)
            if let key = actor.keyText {
                output.append(#","key":"#)
                output.appendJSON(key)
            } else if nullForNoKey {
                output.append(#","key":null"#)
            }
            output.append("},")
        }
        output.append(#""code":"#)
        output.appendJSON(error.code)
        output.append(#","group":"#)
        output.appendJSON(error.group)
        output.append(#","message":"#)
        output.appendJSON(error.message)
        if let metadata = error.metadata {
            output.append(#","metadata":"#)
            output.append(metadata.bytes)
        }
    }
}

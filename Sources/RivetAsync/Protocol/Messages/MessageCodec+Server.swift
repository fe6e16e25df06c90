// SPDX-License-Identifier: Apache-2.0

/// The actor side's half of a connection: reads requests, writes what the actor says, byte for byte as Rivet does
/// (PROTOCOL g5, g6): members of JSON sorted, those of CBOR in the order shown, ids in CBOR with nine-byte heads.
extension MessageCodec {
    package func readClientMessage(_ message: ByteChunk) throws(CodingError) -> ClientMessage {
        switch encoding {
        case .bare:
            try readBARE(message) { (reader, _) throws(CodingError) in
                try readClientBody(&reader, of: message)
            }
        case .cbor, .json:
            try readItems(
                message,
                cbor: { (reader) throws(CodingError) in try readClientEnvelope(&reader, of: message) },
                json: { (reader) throws(CodingError) in try readClientEnvelope(&reader, of: message) }
            )
        }
    }

    private func readClientBody(
        _ reader: inout BAREReader,
        of message: ByteChunk
    ) throws(CodingError) -> ClientMessage {
        let start = reader.position
        let tag = try reader.readUInt()
        switch tag {
        case 0:
            let id = try reader.readUInt()
            let name = message.slice(try reader.readText())
            return .actionRequest(id: id, name: name, arguments: message.slice(try reader.readData()))
        case 1:
            let name = message.slice(try reader.readText())
            return .subscriptionRequest(eventName: name, subscribe: try reader.readBool())
        default:
            throw CodingError(.unknownUnionTag, at: start, wanted: "0 or 1", found: "\(tag)")
        }
    }

    private func readClientEnvelope(
        _ reader: inout some MessageReader,
        of message: ByteChunk
    ) throws(CodingError) -> ClientMessage {
        try readEnvelope(&reader) { (tag, reader) throws(CodingError) in
            switch tag {
            case "ActionRequest": try readActionRequest(&reader, of: message)
            case "SubscriptionRequest": try readSubscriptionRequest(&reader, of: message)
            default: throw CodingError(.unknownTag, at: reader.position, found: String(tag.prefix(40)))
            }
        }
    }

    private func readActionRequest(
        _ reader: inout some MessageReader,
        of message: ByteChunk
    ) throws(CodingError) -> ClientMessage {
        let start = reader.position
        var id: UInt64?
        var name: ByteChunk?
        var arguments: ByteChunk?
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "id": id = try reader.readID()
            case "name": name = try reader.readTextSlice(of: message)
            case "args": arguments = try reader.readValueSlice(of: message)
            default: try reader.skipValue()
            }
        }
        return .actionRequest(
            id: try id.required("id", at: start),
            name: try name.required("name", at: start),
            arguments: try arguments.required("args", at: start)
        )
    }

    private func readSubscriptionRequest(
        _ reader: inout some MessageReader,
        of message: ByteChunk
    ) throws(CodingError) -> ClientMessage {
        let start = reader.position
        var name: ByteChunk?
        var subscribe: Bool?
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "eventName": name = try reader.readTextSlice(of: message)
            case "subscribe": subscribe = try reader.readBool()
            default: try reader.skipValue()
            }
        }
        return .subscriptionRequest(
            eventName: try name.required("eventName", at: start),
            subscribe: try subscribe.required("subscribe", at: start)
        )
    }

    package func writeInitial(actorID: ActorID, connectionID: String, to output: inout some ByteOutput & ~Copyable) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(uint: 0)
            output.appendBARE(actorID.rawValue)
            output.appendBARE(connectionID)
        case .cbor:
            output.appendCBOREnvelope("Init", fields: 2)
            output.appendCBOR("actorId", actorID.rawValue)
            output.appendCBOR("connectionId", connectionID)
        case .json:
            output.append(#"{"body":{"tag":"Init","val":{"actorId":"#)
            output.appendJSON(actorID.rawValue)
            output.append(#","connectionId":"#)
            output.appendJSON(connectionID)
            output.append("}}}")
        }
    }

    package func writeActionResponse(
        id: UInt64,
        output value: ByteChunk,
        to output: inout some ByteOutput & ~Copyable
    ) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(uint: 2)
            output.appendBARE(uint: id)
            output.appendBARE(data: value)
        case .cbor:
            output.appendCBOREnvelope("ActionResponse", fields: 2)
            output.appendCBOR("id")
            output.appendCBORWide(id)
            output.appendCBOR("output")
            appendInline(value, to: &output)
        case .json:
            output.append(#"{"body":{"tag":"ActionResponse","val":{"id":"#)
            output.appendJSONBigInt(id)
            output.append(#","output":"#)
            appendInline(value, to: &output)
            output.append("}}}")
        }
    }

    /// `arguments` is one encoded array.
    package func writeEvent(name: String, arguments: ByteChunk, to output: inout some ByteOutput & ~Copyable) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(uint: 3)
            output.appendBARE(name)
            output.appendBARE(data: arguments)
        case .cbor:
            output.appendCBOREnvelope("Event", fields: 2)
            output.appendCBOR("name", name)
            output.appendCBOR("args")
            output.append(arguments)
        case .json:
            output.append(#"{"body":{"tag":"Event","val":{"args":"#)
            output.append(arguments)
            output.append(#","name":"#)
            output.appendJSON(name)
            output.append("}}}")
        }
    }

    /// A value inside CBOR or JSON, where no bytes would break the message: they mean nothing, so null stands there.
    func appendInline(_ value: ByteChunk, to output: inout some ByteOutput & ~Copyable) {
        if !value.isEmpty { return output.append(value) }
        if encoding == .json { output.appendJSONNull() } else { output.appendCBORNull() }
    }
}

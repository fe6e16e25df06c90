// SPDX-License-Identifier: Apache-2.0

/// The client's half of a connection: writes requests, reads what the actor says.
extension MessageCodec {
    /// `arguments` is one encoded array, in this encoding's form for values.
    package func writeActionRequest(
        id: UInt64,
        name: String,
        arguments: ByteChunk,
        to output: inout some ByteOutput & ~Copyable
    ) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(uint: 0)
            output.appendBARE(uint: id)
            output.appendBARE(name)
            output.appendBARE(data: arguments)
        case .cbor:
            output.appendCBOREnvelope("ActionRequest", fields: 3)
            output.appendCBOR("id")
            output.appendCBOR(id)
            output.appendCBOR("name", name)
            output.appendCBOR("args")
            output.append(arguments)
        case .json:
            output.append(#"{"body":{"tag":"ActionRequest","val":{"id":"#)
            output.appendJSONBigInt(id)
            output.append(#","name":"#)
            output.appendJSON(name)
            output.append(#","args":"#)
            output.append(arguments)
            output.append("}}}")
        }
    }

    package func writeSubscriptionRequest(
        eventName: String,
        subscribe: Bool,
        to output: inout some ByteOutput & ~Copyable
    ) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(uint: 1)
            output.appendBARE(eventName)
            output.appendBARE(subscribe)
        case .cbor:
            output.appendCBOREnvelope("SubscriptionRequest", fields: 2)
            output.appendCBOR("eventName", eventName)
            output.appendCBOR("subscribe")
            output.appendCBOR(subscribe)
        case .json:
            output.append(#"{"body":{"tag":"SubscriptionRequest","val":{"eventName":"#)
            output.appendJSON(eventName)
            output.append(#","subscribe":"#)
            output.appendJSON(subscribe)
            output.append("}}}")
        }
    }

    package func readServerMessage(_ message: ByteChunk) throws(CodingError) -> ServerMessage {
        switch encoding {
        case .bare:
            try readBARE(message) { (reader, version) throws(CodingError) in
                try readServerBody(&reader, version, of: message)
            }
        case .cbor, .json:
            try readItems(
                message,
                cbor: { (reader) throws(CodingError) in try readServerEnvelope(&reader, of: message) },
                json: { (reader) throws(CodingError) in try readServerEnvelope(&reader, of: message) }
            )
        }
    }

    private func readServerBody(
        _ reader: inout BAREReader,
        _ version: ProtocolVersion,
        of message: ByteChunk
    ) throws(CodingError) -> ServerMessage {
        let start = reader.position
        let tag = try reader.readUInt()
        switch tag {
        case 0:
            let actorID = ActorID(rawValue: try reader.readString())
            let connectionID = try reader.readString()
            if version == .connectionToken { _ = try reader.readText() }
            return .initial(actorID: actorID, connectionID: connectionID)
        case 1:
            return .error(try readError(&reader, version, of: message, hasActionID: true))
        case 2:
            let id = try reader.readUInt()
            return .actionResponse(id: id, output: message.slice(try reader.readData()))
        case 3:
            let name = try reader.readText()
            return .event(EventMessage(message, name: name, arguments: try reader.readData()))
        default:
            throw CodingError(.unknownUnionTag, at: start, wanted: "0 to 3", found: "\(tag)")
        }
    }

    private func readServerEnvelope(
        _ reader: inout some MessageReader,
        of message: ByteChunk
    ) throws(CodingError) -> ServerMessage {
        try readEnvelope(&reader) { (tag, reader) throws(CodingError) in
            switch tag {
            case "Event": try readEvent(&reader, of: message)
            case "ActionResponse": try readActionResponse(&reader, of: message)
            case "Error": .error(try readError(&reader, of: message))
            case "Init": try readInitial(&reader)
            default: throw CodingError(.unknownTag, at: reader.position, found: String(tag.prefix(40)))
            }
        }
    }

    private func readEvent(
        _ reader: inout some MessageReader,
        of message: ByteChunk
    ) throws(CodingError) -> ServerMessage {
        let start = reader.position
        var name: ByteChunk?
        var arguments: ByteChunk?
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "name": name = try reader.readTextSlice(of: message)
            case "args": arguments = try reader.readValueSlice(of: message)
            default: try reader.skipValue()
            }
        }
        return .event(
            EventMessage(
                name: try name.required("name", at: start),
                arguments: try arguments.required("args", at: start)
            )
        )
    }

    private func readActionResponse(
        _ reader: inout some MessageReader,
        of message: ByteChunk
    ) throws(CodingError) -> ServerMessage {
        let start = reader.position
        var id: UInt64?
        var output: ByteChunk?
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "id": id = try reader.readID()
            case "output": output = try reader.readValueSlice(of: message)
            default: try reader.skipValue()
            }
        }
        return .actionResponse(
            id: try id.required("id", at: start),
            output: try output.required("output", at: start)
        )
    }

    private func readInitial(_ reader: inout some MessageReader) throws(CodingError) -> ServerMessage {
        let start = reader.position
        var actorID: String?
        var connectionID: String?
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "actorId": actorID = try reader.readText()
            case "connectionId": connectionID = try reader.readText()
            default: try reader.skipValue()
            }
        }
        return .initial(
            actorID: ActorID(rawValue: try actorID.required("actorId", at: start)),
            connectionID: try connectionID.required("connectionId", at: start)
        )
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The groups `bare.message`, `cbor.message` and `json.message`: read by one end, written by the other.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct MessageVectorTests {
    /// What a message says, fields by name, in the form of the vectors.
    struct Said: Equatable {
        var tag: String
        var fields: [String: Item]
    }

    private func value(_ bytes: ByteChunk, _ codec: MessageCodec) throws -> Item {
        // In BARE, a value stands as data: the vectors show its bytes.
        codec.encoding == .bare ? .bytes(Array(bytes)) : try Item(bytes, codec.encoding.valueFormat)
    }

    private func said(_ message: ServerMessage, _ codec: MessageCodec) throws -> Said {
        switch message {
        case .initial(let actorID, let connectionID):
            Said(
                tag: "Init",
                fields: ["actorId": .text(actorID.rawValue), "connectionId": .text(connectionID)]
            )
        case .error(let error):
            Said(tag: "Error", fields: try fields(error, codec))
        case .actionResponse(let id, let output):
            Said(tag: "ActionResponse", fields: ["id": .int(Int128(id)), "output": try value(output, codec)])
        case .event(let event):
            Said(tag: "Event", fields: ["name": .text(event.name.string), "args": try value(event.arguments, codec)])
        }
    }

    private func said(_ message: ClientMessage, _ codec: MessageCodec) throws -> Said {
        switch message {
        case .actionRequest(let id, let name, let arguments):
            Said(
                tag: "ActionRequest",
                fields: ["id": .int(Int128(id)), "name": .text(name.string), "args": try value(arguments, codec)]
            )
        case .subscriptionRequest(let name, let subscribe):
            Said(
                tag: "SubscriptionRequest",
                fields: ["eventName": .text(name.string), "subscribe": .bool(subscribe)]
            )
        }
    }

    private func fields(_ error: ErrorMessage, _ codec: MessageCodec) throws -> [String: Item] {
        var fields: [String: Item] = [
            "group": .text(error.group), "code": .text(error.code), "message": .text(error.message),
        ]
        fields["metadata"] = try error.metadata.map { try value($0.bytes, codec) }
        fields["actionId"] = error.actionID.map { .int(Int128($0)) }
        if let actor = error.actor {
            var members: [String: Item] = [
                "actorId": .text(actor.actorID.rawValue), "generation": .int(Int128(actor.generation)),
            ]
            members["key"] = actor.keyText.map { .text($0) }
            fields["actor"] = .map(members)
        }
        return fields
    }

    /// The vector's own words: ids as decimal text, null for an absent optional, a token that readers drop.
    private func expected(_ fields: FileValue?) -> [String: Item] {
        var result: [String: Item] = [:]
        for (name, value) in fields?.object ?? [:] where name != "connectionToken" {
            switch name {
            case "id", "actionId", "generation", "timeout":
                if let text = value.text { result[name] = .int(Int128(text) ?? -1) }
                if let number = value.int { result[name] = .int(Int128(number)) }
            case "actor":
                result[name] = .map(expected(value))
            default:
                result[name] = Item(plain: value)
            }
        }
        return result
    }

    private func write(_ message: ServerMessage, _ codec: MessageCodec) -> [UInt8] {
        written { output in
            switch message {
            case .initial(let actorID, let connectionID):
                codec.writeInitial(actorID: actorID, connectionID: connectionID, to: &output)
            case .error(let error):
                codec.writeError(error, to: &output)
            case .actionResponse(let id, let value):
                codec.writeActionResponse(id: id, output: value, to: &output)
            case .event(let event):
                codec.writeEvent(name: event.name.string, arguments: event.arguments, to: &output)
            }
        }
    }

    private func write(_ message: ClientMessage, _ codec: MessageCodec) -> [UInt8] {
        written { output in
            switch message {
            case .actionRequest(let id, let name, let arguments):
                codec.writeActionRequest(id: id, name: name.string, arguments: arguments, to: &output)
            case .subscriptionRequest(let name, let subscribe):
                codec.writeSubscriptionRequest(eventName: name.string, subscribe: subscribe, to: &output)
            }
        }
    }

    @Test(
        "B124: messages in CBOR and JSON are read, and written byte for byte",
        arguments: [
            (WireEncoding.cbor, 21), (.json, 23),
        ]
    )
    func selfDescribingMessages(encoding: WireEncoding, count: Int) throws {
        let codec = MessageCodec(encoding)
        let vectors = VectorFile.group("\(encoding.name).message")
        for vector in vectors {
            let document = ByteChunk(vector.bytes)
            let wanted = Said(
                tag: vector["value"]?["tag"]?.text ?? "",
                fields: expected(vector["value"]?["val"])
            )
            let rewritten: [UInt8]
            switch vector["type"]?.text {
            case "ToClient":
                let message = try codec.readServerMessage(document)
                #expect(try said(message, codec) == wanted, "\(vector.id)")
                rewritten = write(message, codec)
            case "ToServer":
                let message = try codec.readClientMessage(document)
                #expect(try said(message, codec) == wanted, "\(vector.id)")
                rewritten = write(message, codec)
            default:
                Issue.record("\(vector.id): unknown type")
                continue
            }
            if vector["accept_only"] != .bool(true) {
                #expect(hex(rewritten) == hex(vector.bytes), "\(vector.id)")
            }
        }
        #expect(vectors.count == count)
    }

    @Test("B205: messages and bodies in BARE, versions 1 to 4, are read, and written in version 4")
    func bareMessages() throws {
        let codec = MessageCodec(.bare)
        let vectors = VectorFile.group("bare.message")
        for vector in vectors {
            let document = ByteChunk(vector.bytes)
            var rewritten: [UInt8] = []
            var fields: [String: Item] = [:]
            switch vector["type"]?.text {
            case "ToClient":
                let message = try codec.readServerMessage(document)
                let what = try said(message, codec)
                #expect(what.tag == vector["value"]?["tag"]?.text, "\(vector.id)")
                fields = what.fields
                rewritten = write(message, codec)
            case "ToServer":
                let message = try codec.readClientMessage(document)
                let what = try said(message, codec)
                #expect(what.tag == vector["value"]?["tag"]?.text, "\(vector.id)")
                fields = what.fields
                rewritten = write(message, codec)
            case "HttpActionRequest":
                let arguments = try codec.readActionBody(document)
                fields = ["args": .bytes(Array(arguments))]
                rewritten = written { codec.writeActionBody(arguments: arguments, to: &$0) }
            case "HttpActionResponse":
                let output = try codec.readActionResult(document)
                fields = ["output": .bytes(Array(output))]
                rewritten = written { codec.writeActionResult(output: output, to: &$0) }
            case "HttpQueueSendRequest":
                let request = try codec.readQueueBody(document)
                fields = ["body": .bytes(Array(request.body))]
                // We write no name (the URL has it) and always `wait`.
                fields["name"] = (vector["value"]?["name"]?.text).map { .text($0) }
                if vector["value"]?["wait"] != nil { fields["wait"] = .bool(request.waits) }
                fields["timeout"] = request.timeout.map { .int(Int128($0)) }
            case "HttpQueueSendResponse":
                let result = try codec.readQueueResult(document)
                fields = ["status": .text(result.status)]
                fields["response"] = result.response.map { .bytes(Array($0)) }
                rewritten = written { codec.writeQueueResult(result, to: &$0) }
            case "HttpResponseError":
                let error = try codec.readErrorBody(document)
                fields = try self.fields(error, codec)
                rewritten = written { codec.writeErrorBody(error, to: &$0) }
            case "HttpResolveResponse":
                // No route answers with it at this version: only its form is checked.
                try document.withUnsafeBytes { bytes in
                    var reader = BAREReader(bytes)
                    _ = try reader.readFixed(as: UInt16.self)
                    fields = ["actorId": .text(try reader.readString())]
                    try reader.readEnd()
                }
            case let type:
                Issue.record("\(vector.id): unknown type \(type ?? "nil")")
            }
            let said = vector["value"]?["val"] ?? vector["value"]
            #expect(fields == expected(said), "\(vector.id)")
            if !rewritten.isEmpty { #expect(hex(rewritten) == current(vector), "\(vector.id)") }
        }
        #expect(vectors.count == 88)
    }

    /// A vector's bytes as version 4 has them: what an older version lacks, or has too much, set right.
    private func current(_ vector: Vector) -> String {
        let version = vector["version"]?.int ?? 0
        var bytes = vector.bytes
        bytes[0] = 4
        if version == 1, vector["value"]?["tag"]?.text == "Init" {
            let token = vector["value"]?["val"]?["connectionToken"]?.text ?? ""
            bytes.removeLast(token.utf8.count + 1)
        }
        let isError = vector["value"]?["tag"]?.text == "Error" || vector["type"]?.text == "HttpResponseError"
        if version < 4, isError { bytes.append(0) }
        return hex(bytes)
    }

    @Test("B120, B121, B122: what is no message is refused for the right reason")
    func invalidMessages() {
        var ran = 0
        for vector in VectorFile.group("invalid") {
            guard let decoder = vector["decoder"]?.text, decoder != "cbor", decoder != "json" else { continue }
            ran += 1
            let document = ByteChunk(vector.bytes)
            let parts = decoder.split(separator: ".").map(String.init)
            let codec = MessageCodec(WireEncoding(rawValue: parts[0]) ?? .json)
            let kind = failureKind {
                switch parts[1] {
                case "uint":
                    try document.withUnsafeBytes { bytes in
                        var reader = BAREReader(bytes)
                        _ = try reader.readUInt()
                        try reader.readEnd()
                    }
                case "ToClient": _ = try codec.readServerMessage(document)
                case "ToServer": _ = try codec.readClientMessage(document)
                case "HttpActionRequest": _ = try codec.readActionBody(document)
                case "HttpQueueSendRequest": _ = try codec.readQueueBody(document)
                case "HttpQueueSendResponse": _ = try codec.readQueueResult(document)
                default: Issue.record("\(vector.id): unknown decoder \(decoder)")
                }
            }
            #expect(kind == vector["error"]?.text, "\(vector.id)")
        }
        let others = VectorFile.group("invalid").count { ["cbor", "json"].contains($0["decoder"]?.text) }
        #expect(ran + others == 132)
        #expect(ran == 59)
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ErrorMessageTests {
    @Test("B203: absent metadata stays absent, whatever stands for it")
    func absentMetadata() throws {
        let bodies = [
            #"{"group":"user","code":"user_error","message":"m"}"#,
            #"{"group":"user","code":"user_error","message":"m","metadata":null}"#,
            #"{"group":"user","code":"user_error","message":"m","metadata":["$Undefined",0]}"#,
            #"{"group":"user","code":"user_error","message":"m","actor":null,"actionId":null,"new":{"a":[1]}}"#,
        ]
        for body in bodies {
            let error = try MessageCodec(.json).readErrorBody(ByteChunk(body.utf8))
            #expect(error.group == "user" && error.code == "user_error" && error.metadata == nil)
            #expect(error.actor == nil && error.actionID == nil)
        }
        for metadata in ["00", "0100", "0101f6", "0101f7", "010d826a24556e646566696e656400"] {
            let body = ByteChunk(unhex("0400" + "0161" + "0162" + "0163" + metadata + "00"))
            #expect(try MessageCodec(.bare).readErrorBody(body).metadata == nil)
        }
        let kept = ByteChunk(unhex("0400" + "0161" + "0162" + "0163" + "010100" + "00"))
        #expect(try MessageCodec(.bare).readErrorBody(kept).metadata?.decode(Int.self) == 0)
    }

    @Test("B202: an error says the same over HTTP and over a connection", arguments: WireEncoding.allCases)
    func bothWaysSayTheSame(encoding: WireEncoding) throws {
        let codec = MessageCodec(encoding)
        let metadata = EncodedValue(
            bytes: ByteChunk(encoding == .json ? Array(#"{"left":0}"#.utf8) : unhex("a1646c65667400")),
            format: encoding.valueFormat
        )
        for key in [nil, "", "room/42"] {
            let actor = ActorReference(actorID: "id", generation: 1 << 40, keyText: key)
            let said = ErrorMessage(group: "user", code: "c", message: "m", metadata: metadata, actor: actor)
            let body = written { codec.writeErrorBody(said, to: &$0) }
            let message = written { codec.writeError(said, to: &$0) }
            guard case .error(let overConnection) = try codec.readServerMessage(ByteChunk(message)) else {
                Issue.record("no error")
                continue
            }
            for read in [try codec.readErrorBody(ByteChunk(body)), overConnection] {
                #expect(read.group == "user" && read.code == "c" && read.message == "m" && read.actionID == nil)
                #expect(read.actor == actor && read.metadata == metadata)
                #expect(read.actor?.key == key.map { ActorKey(text: $0) })
            }
        }
    }

    @Test("B119: an output of no bytes is written as null where it stands inline")
    func emptyOutputs() throws {
        for encoding in WireEncoding.allCases {
            let codec = MessageCodec(encoding)
            let message = written { codec.writeActionResponse(id: 1, output: ByteChunk(), to: &$0) }
            guard case .actionResponse(1, let output) = try codec.readServerMessage(ByteChunk(message)) else {
                Issue.record("no answer")
                continue
            }
            #expect(codec.isNothing(output))
            #expect(try encoding.valueFormat.decode(NoValue.self, from: output) == NoValue())
        }
    }

    @Test("B175: a status of a queue that is not known is kept")
    func unknownQueueStatus() throws {
        let result = try MessageCodec(.json).readQueueResult(ByteChunk(#"{"status":"postponed","until":3}"#.utf8))
        #expect(result == QueueResult(status: "postponed"))
    }

    @Test("B47: arguments that are missing or null are none")
    func missingArguments() throws {
        for body in ["{}", #"{"args":null}"#] {
            #expect(try MessageCodec(.json).readActionBody(ByteChunk(body.utf8)).string == "[]")
        }
        #expect(Array(try MessageCodec(.cbor).readActionBody(ByteChunk([0xA0]))) == [0x80])
        #expect(try MessageCodec(.json).readActionBody(ByteChunk(#"{"args":5}"#.utf8)).string == "5")
    }

    @Test func aFloatIsNoTimeout() {
        let kind = failureKind {
            _ = try MessageCodec(.json).readQueueBody(ByteChunk(#"{"body":1,"timeout":5.0}"#.utf8))
        }
        #expect(kind == "typeMismatch")
    }

    @Test("B46: a dotted name goes out unchanged")
    func dottedNames() throws {
        #expect(try GatewayPath.action("users.add").text == "/action/users.add")
    }

    @Test("B24: one text and a list of one part are the same key; no key and an empty list too")
    func sameKeys() {
        let text: ActorKey = "a"
        let list: ActorKey = ["a"]
        #expect(text == list && text.text == "a")
        #expect(ActorKey([]) == [] && ActorKey(text: "/") == [] && ActorKey([]).headerText == "")
        #expect(ActorKey(["a", "b"]) != ["a"] && ActorKey(["a", ""]).text != ActorKey(["a"]).text)
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The group `http`: requests as the client writes them, answers as the engine and the actor side do, each read by
/// the other end.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct HTTPBodyVectorTests {
    private let endpoint: Endpoint
    private let actorID: ActorID = "5jxlv5boumuljx2d2nvyat0o2edl00"

    init() throws {
        endpoint = try Endpoint.parse("http://127.0.0.1:6420").endpoint
    }

    private func body(_ message: FileValue?) -> ByteChunk {
        let body = message?["body"]
        if let hex = body?["hex"]?.text { return ByteChunk(unhex(hex)) }
        return ByteChunk((body?["text"]?.text ?? "").utf8)
    }

    private func vectors(_ prefix: String) -> [Vector] {
        VectorFile.group("http").filter { $0.id.hasPrefix("http.\(prefix)") }
    }

    @Test("B45, B47: actions over HTTP")
    func actions() throws {
        for vector in vectors("action.") {
            let codec = MessageCodec(WireEncoding(headerValue: vector["encoding"]?.text))
            let request = vector["request"]
            #expect(request?["method"]?.text == "POST")
            checkHeaders(vector, codec)
            try checkTarget(vector, prefix: "/action/") { try .action($0) }

            let arguments = try codec.readActionBody(body(request))
            let wanted = Item.array((vector["args"]?.array ?? []).map { Item(typed: $0) })
            #expect(try Item(arguments, codec.encoding.valueFormat) == wanted, "\(vector.id)")
            let written = written { codec.writeActionBody(arguments: arguments, to: &$0) }
            #expect(hex(written) == hex(body(request)), "\(vector.id)")

            let output = try codec.readActionResult(body(vector["response"]))
            let value = Item(typed: vector["output"] ?? .null)
            #expect(try Item(output, codec.encoding.valueFormat) == value, "\(vector.id)")
            let answer = RivetAsyncTests.written { codec.writeActionResult(output: output, to: &$0) }
            #expect(hex(answer) == hex(body(vector["response"])), "\(vector.id)")
        }
        #expect(vectors("action.").count == 25)
    }

    @Test("B172, B173, B174: queue sends over HTTP")
    func queues() throws {
        for vector in vectors("queue.") {
            let codec = MessageCodec(WireEncoding(headerValue: vector["encoding"]?.text))
            checkHeaders(vector, codec)
            try checkTarget(vector, prefix: "/queue/") { try .queue($0) }

            let request = try codec.readQueueBody(body(vector["request"]))
            #expect(
                try Item(request.body, codec.encoding.valueFormat) == Item(typed: vector["queue_body"] ?? .null),
                "\(vector.id)"
            )
            #expect(request.waits == vector["wait"]?.bool, "\(vector.id)")
            #expect(request.timeout == (vector["timeout_ms"]?.int).map { UInt64($0) }, "\(vector.id)")
            if vector["accept_only"] != .bool(true) {
                let written = written { codec.writeQueueBody(request, to: &$0) }
                #expect(hex(written) == hex(body(vector["request"])), "\(vector.id)")
            }

            let result = try codec.readQueueResult(body(vector["response"]))
            #expect(result.status == vector["queue_status"]?.text, "\(vector.id)")
            let response = try result.response.map { try Item($0, codec.encoding.valueFormat) }
            #expect(response == vector["queue_response"].map { Item(typed: $0) }, "\(vector.id)")
            let answer = written { codec.writeQueueResult(result, to: &$0) }
            #expect(hex(answer) == hex(body(vector["response"])), "\(vector.id)")
        }
        #expect(vectors("queue.").count == 10)
    }

    @Test("B57, B202: errors of the actor side")
    func actorErrors() throws {
        for vector in vectors("error.") {
            let encoding = WireEncoding(headerValue: vector["encoding"]?.text)
            let headers = vector["response"]?["headers"]
            #expect(encoding.ofErrorBody(contentType: headers?["content-type"]?.text) == encoding, "\(vector.id)")
            #expect(headers?["content-type"]?.text == encoding.contentType, "\(vector.id)")
            let codec = MessageCodec(encoding)
            let error = try codec.readErrorBody(body(vector["response"]))
            try check(error, vector)
            #expect(error.actor?.actorID.rawValue == headers?["x-rivet-actor"]?.text, "\(vector.id)")
            #expect(error.actor?.keyText == headers?["x-rivet-actor-key"]?.text, "\(vector.id)")
            let answer = written { codec.writeErrorBody(error, to: &$0) }
            #expect(hex(answer) == hex(body(vector["response"])), "\(vector.id)")
        }
        #expect(vectors("error.").count == 27)
    }

    @Test("B57: errors of the gateway, the actors API and the runtime")
    func engineErrors() throws {
        var ran = 0
        for vector in vectors("") where !vector.id.hasPrefix("http.error.") && vector["error"] != nil {
            ran += 1
            let headers = vector["response"]?["headers"]
            let encoding = WireEncoding.bare.ofErrorBody(contentType: headers?["content-type"]?.text)
            #expect(encoding == .json, "\(vector.id)")
            let error = try MessageCodec(encoding).readErrorBody(body(vector["response"]))
            #expect(error.group == vector["error"]?["group"]?.text, "\(vector.id)")
            #expect(error.code == vector["error"]?["code"]?.text, "\(vector.id)")
            if let name = headers?["x-rivet-error"]?.text {
                #expect(CloseReasonText(name) == CloseReasonText(group: error.group, code: error.code))
            }
            let answer = written {
                ActorsAPIResponse.writeError(
                    group: error.group,
                    code: error.code,
                    message: error.message,
                    metadataJSON: error.metadata?.bytes,
                    to: &$0
                )
            }
            #expect(hex(answer) == hex(body(vector["response"])), "\(vector.id)")
        }
        #expect(ran == 9)
    }

    @Test("B58: what the runtime outside the actor answers")
    func runtimeErrors() throws {
        for vector in vectors("envoy.") {
            let headers = vector["response"]?["headers"]
            let encoding = WireEncoding.bare.ofErrorBody(contentType: headers?["content-type"]?.text)
            let name = try #require(CloseReasonText(headers?["x-rivet-error"]?.text ?? ""))
            switch vector.id {
            case "http.envoy.actorNotFound":
                #expect(name == CloseReasonText(group: "envoy", code: "actor_not_found"))
                #expect(throws: CodingError.self) {
                    try MessageCodec(encoding).readErrorBody(body(vector["response"]))
                }
            case "http.envoy.fetchFailed":
                let error = try MessageCodec(encoding).readErrorBody(body(vector["response"]))
                #expect(name == CloseReasonText(group: error.group, code: error.code))
            default: Issue.record("\(vector.id) is unknown")
            }
        }
        #expect(vectors("envoy.").count == 2)
    }

    @Test("B23, B25, B37, B38, B39: the actors API")
    func actorsAPI() throws {
        for vector in vectors("actors.") {
            let request = vector["request"]
            let response = body(vector["response"])
            switch request?["method"]?.text {
            case "PUT", "POST":
                #expect(request?["target"]?.text == ActorsAPITarget.actors(namespace: "default"), "\(vector.id)")
                let parsed = try ActorsAPIRequest.read(body(request))
                #expect(hex(written { parsed.write(to: &$0) }) == hex(body(request)), "\(vector.id)")
                let input = try parsed.input.map { try Item(ByteChunk($0), .nativeCBOR) }
                #expect(input == vector["input"].map { Item(typed: $0) }, "\(vector.id)")
                if vector["response"] == nil { continue }
                let (actor, created) = try ActorsAPIResponse.readActor(response)
                #expect(actor.actorID == actorID && actor.name == "counter" && actor.keyText == "a")
                #expect(created == (request?["method"]?.text == "PUT" ? true : nil), "\(vector.id)")
                let answer = written { ActorsAPIResponse.writeActor(actor, created: created, to: &$0) }
                #expect(hex(answer) == hex(response), "\(vector.id)")
            case "GET":
                let key: ActorKey = vector.id == "http.actors.found" ? "a" : "zzz"
                let target = ActorsAPITarget.byKey(name: "counter", key: key, namespace: "default")
                #expect(request?["target"]?.text == target, "\(vector.id)")
                let actors = try ActorsAPIResponse.readList(response)
                #expect(actors.count == (vector.id == "http.actors.found" ? 1 : 0), "\(vector.id)")
                let answer = written { ActorsAPIResponse.writeList(actors, to: &$0) }
                #expect(hex(answer) == hex(response), "\(vector.id)")
            default:
                #expect(vector["error"] != nil, "\(vector.id)")  // In `engineErrors`.
            }
        }
        #expect(vectors("actors.").count == 7)
    }

    @Test("B12, B15: metadata of both kinds of server")
    func metadata() throws {
        for vector in vectors("metadata.") {
            let response = body(vector["response"])
            let metadata = try ServerMetadata.read(response)
            #expect(metadata.endpoint == vector["client"]?["endpoint"]?.text, "\(vector.id)")
            #expect(metadata.namespace == vector["client"]?["namespace"]?.text, "\(vector.id)")
            #expect(metadata.token?.reveal() == vector["client"]?["token"]?.text, "\(vector.id)")
            let answer = written { output in
                switch vector.id {
                case "http.metadata.engine": ServerMetadata.writeEngine(version: "2.3.7", to: &output)
                case "http.metadata.runtime":
                    metadata.writeRuntime(actorNames: ["counter"], version: "2.3.7", to: &output)
                case "http.metadata.runtime.noNamespace":
                    metadata.writeRuntime(
                        actorNames: ["counter"],
                        version: "2.3.19",
                        envoyProtocolVersion: 8,
                        to: &output
                    )
                default: Issue.record("\(vector.id) is unknown")
                }
            }
            #expect(hex(answer) == hex(response), "\(vector.id)")
        }
        #expect(vectors("metadata.").count == 3)
    }

    @Test func everyVectorOfTheGroupHasItsTest() {
        let families = ["action.", "queue.", "error.", "gateway.", "envoy.", "actors.", "metadata."]
        #expect(families.map { vectors($0).count }.reduce(0, +) == 81)
        #expect(vectors("gateway.").allSatisfy { $0["error"] != nil })
    }

    private func checkHeaders(_ vector: Vector, _ codec: MessageCodec) {
        for message in ["request", "response"] {
            let headers = vector[message]?["headers"]
            #expect(headers?["content-type"]?.text == codec.encoding.contentType, "\(vector.id)")
        }
        #expect(vector["request"]?["headers"]?["x-rivet-encoding"]?.text == codec.encoding.name, "\(vector.id)")
        #expect(vector["response"]?["status"]?.int == 200, "\(vector.id)")
    }

    private func checkTarget(_ vector: Vector, prefix: String, _ path: (String) throws -> GatewayPath) throws {
        let target = vector["request"]?["target"]?.text ?? ""
        guard case .byID(let id, let token, let rest) = GatewayRoute(target: target), rest.hasPrefix(prefix),
            let name = PercentEncoding.decode(rest.dropFirst(prefix.count), malformed: .fails)
        else {
            Issue.record("\(vector.id): the target is not read")
            return
        }
        #expect(id == actorID && token?.reveal() == "pk_9aZ", "\(vector.id)")
        #expect(
            try GatewayURL.target(endpoint, actorID: actorID, token: "pk_9aZ", path: path(name)) == target,
            "\(vector.id)"
        )
    }

    private func check(_ error: ErrorMessage, _ vector: Vector) throws {
        let wanted = vector["error"]
        #expect(error.group == wanted?["group"]?.text, "\(vector.id)")
        #expect(error.code == wanted?["code"]?.text, "\(vector.id)")
        #expect(error.message == wanted?["message"]?.text, "\(vector.id)")
        let metadata = try error.metadata.map { try Item($0.bytes, $0.format) }
        #expect(metadata == wanted?["metadata"].map { Item(typed: $0) }, "\(vector.id)")
        #expect(error.actor?.actorID.rawValue == wanted?["actor"]?["actorId"]?.text, "\(vector.id)")
        #expect((error.actor?.generation).map { Int($0) } == wanted?["actor"]?["generation"]?.int, "\(vector.id)")
        #expect(error.actor?.keyText == wanted?["actor"]?["key"]?.text, "\(vector.id)")
    }
}

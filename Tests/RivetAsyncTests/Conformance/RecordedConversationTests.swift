// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync
import Testing

/// Whole conversations with a running engine: what its actors and what other clients said is read by our two ends.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RecordedConversationTests {
    /// What was read, and what was not.
    private struct Tally {
        var serverMessages = 0
        var clientMessages = 0
        var requests = 0
        var answers = 0
        /// Bodies that do not decode, as the script meant, and that the server refused too.
        var refused = 0
        /// By step.
        var unreadable: [Int: String] = [:]
    }

    private func replay(_ name: String) -> Tally {
        var tally = Tally()
        let encoding = WireEncoding(headerValue: name.split(separator: "-").last.map(String.init))
        // What the connection's last request asked for, by connection.
        var targets: [Int: String] = [:]
        var methods: [Int: String] = [:]
        var encodings: [Int: WireEncoding] = [:]
        for (index, step) in VectorFile.recording(name).enumerated() {
            let bytes = ByteChunk(unhex(step["hex"]?.text ?? ""))
            let connection = step["conn"]?.int ?? 0
            let isClient = step["from"] == .text("client")
            do {
                switch step["kind"]?.text {
                case "http-request":
                    let (head, body) = try request(bytes)
                    methods[connection] = head.method
                    targets[connection] = head.target
                    encodings[connection] = WireEncoding(headerValue: head.fields["x-rivet-encoding"])
                    if let offer = head.fields["sec-websocket-protocol"] {
                        encodings[connection] = try Subprotocols.read(header: offer).encoding
                    }
                    tally.requests += 1
                    if Array(body) == [0xFF, 0xFF], (try? check(head, body)) == nil {
                        tally.refused += 1
                    } else {
                        try check(head, body)
                    }
                case "http-response":
                    let (head, body) = try response(bytes, to: methods[connection] ?? "GET")
                    try check(head, body, target: targets[connection] ?? "", encodings[connection] ?? encoding)
                    tally.answers += 1
                case "ws-frame" where [1, 2].contains(step["opcode"]?.int):
                    guard path(of: targets[connection] ?? "").hasPrefix("/connect") else { continue }
                    let codec = MessageCodec(encodings[connection] ?? encoding)
                    if isClient {
                        _ = try codec.readClientMessage(bytes)
                        tally.clientMessages += 1
                    } else {
                        _ = try codec.readServerMessage(bytes)
                        tally.serverMessages += 1
                    }
                default: continue
                }
            } catch {
                tally.unreadable[index] = "\(error)"
            }
        }
        return tally
    }

    @Test(arguments: VectorFile.recordings)
    func everyMessageIsRead(name: String) {
        let tally = replay(name)
        #expect(tally.unreadable == [:])
        #expect(tally.refused == (name.hasPrefix("scripted-errors-") ? 1 : 0))
    }

    @Test func asManyMessagesAreReadAsWereRecorded() {
        let tallies = VectorFile.recordings.map { replay($0) }
        #expect(tallies.count == 31)
        #expect(tallies.map(\.serverMessages).reduce(0, +) == 466)
        #expect(tallies.map(\.clientMessages).reduce(0, +) == 328)
        #expect(tallies.map(\.requests).reduce(0, +) == 356)
        #expect(tallies.map(\.answers).reduce(0, +) == 356)
    }

    // MARK: Reading HTTP

    private func request(_ bytes: ByteChunk) throws -> (HTTPRequestHead, ByteChunk) {
        var decoder = HTTPRequestDecoder()
        var position = 0
        var head: HTTPRequestHead?
        var body: [UInt8] = []
        while let event = try decoder.next(in: bytes, from: &position) {
            switch event {
            case .head(let it): head = it
            case .body(let chunk): body += chunk
            case .end: break
            }
        }
        return (try #require(head), ByteChunk(body))
    }

    private func response(_ bytes: ByteChunk, to method: String) throws -> (HTTPResponseHead, ByteChunk) {
        var decoder = HTTPResponseDecoder()
        decoder.expectResponse(toMethod: method, allowsUpgrade: true)
        var position = 0
        var head: HTTPResponseHead?
        var body: [UInt8] = []
        while let event = try decoder.next(in: bytes, from: &position) {
            switch event {
            case .head(let it), .upgraded(let it): head = it
            case .body(let chunk): body += chunk
            default: break
            }
        }
        return (try #require(head), ByteChunk(body))
    }

    private func path(of target: String) -> String {
        switch GatewayRoute(target: target) {
        case .byID(_, _, let path), .byQuery(_, let path): path
        default: target
        }
    }

    private func check(_ head: HTTPRequestHead, _ body: ByteChunk) throws {
        let codec = MessageCodec(WireEncoding(headerValue: head.fields["x-rivet-encoding"]))
        let path = path(of: head.target)
        if head.target.hasPrefix("/actors"), head.method == "PUT" || head.method == "POST" {
            _ = try ActorsAPIRequest.read(body)
        } else if path.hasPrefix("/action/"), head.method == "POST" {
            _ = try codec.readActionBody(body)
        } else if path.hasPrefix("/queue/"), head.method == "POST" {
            _ = try codec.readQueueBody(body)
        }
    }

    private func check(
        _ head: HTTPResponseHead,
        _ body: ByteChunk,
        target: String,
        _ encoding: WireEncoding
    ) throws {
        let path = path(of: target)
        let isRivetsOwn = target.hasPrefix("/actors") || path.hasPrefix("/action/") || path.hasPrefix("/queue/")
        if head.status >= 300 {
            guard isRivetsOwn, !body.isEmpty else { return }
            let encoding = encoding.ofErrorBody(contentType: head.fields["content-type"])
            _ = try MessageCodec(encoding).readErrorBody(body)
        } else if target.hasPrefix("/metadata") {
            _ = try ServerMetadata.read(body)
        } else if target.hasPrefix("/actors"), !target.contains("actor_ids="), !target.contains("name=") {
            _ = try ActorsAPIResponse.readActor(body)
        } else if target.hasPrefix("/actors") {
            _ = try ActorsAPIResponse.readList(body)
        } else if path.hasPrefix("/action/") {
            _ = try MessageCodec(encoding).readActionResult(body)
        } else if path.hasPrefix("/queue/") {
            _ = try MessageCodec(encoding).readQueueResult(body)
        }
    }
}

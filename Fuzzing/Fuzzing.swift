// SPDX-License-Identifier: Apache-2.0
//
// Compiled into one module with the library's sources, by `run.sh`.
import Glibc

/// What is fuzzed; the program runs the one that `RIVET_FUZZ_TARGET` names.
///
/// Each reads a whole input as a peer's bytes. The promise is the same for all: no trap, no hang, and no more memory
/// than a small multiple of the input.
enum FuzzTarget: String {
    case cbor, json, bareMessages, cborMessages, jsonMessages, httpResponse, httpRequest, webSocketClient
    case webSocketServer, texts, serverSentEvents

    func run(_ bytes: ByteChunk) {
        switch self {
        case .cbor:
            bytes.withUnsafeBytes { bytes in
                var reader = CBORReader(bytes, position: 0)
                try? reader.skipItem(depth: 0)
                try? reader.readEnd()
            }
            Self.readValues(bytes, .nativeCBOR)
        case .json:
            bytes.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes, position: 0)
                try? reader.skipItem(depth: 0)
                try? reader.readEnd()
            }
            Self.readValues(bytes, .json)
        case .bareMessages: Self.readMessages(bytes, MessageCodec(.bare))
        case .cborMessages: Self.readMessages(bytes, MessageCodec(.cbor))
        case .jsonMessages: Self.readMessages(bytes, MessageCodec(.json))
        case .httpResponse: Self.readResponses(bytes)
        case .httpRequest: Self.readRequests(bytes)
        case .webSocketClient: Self.readFrames(bytes, .client)
        case .webSocketServer: Self.readFrames(bytes, .server)
        case .serverSentEvents: Self.readEvents(bytes)
        case .texts: Self.readTexts(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// A type with every kind of container.
    private struct Sample: Decodable {
        struct Member: Decodable { var number: Int8, text: String?, double: Double, wide: UInt128 }
        enum Choice: Decodable { case one(Int), two(name: String, bytes: [UInt8]) }
        var members: [Member]?, byName: [String: Choice]?, byNumber: [Int: RivetValue]?, chunk: ByteChunk?
    }

    private static func readValues(_ bytes: ByteChunk, _ format: ValueFormat) {
        if let value = try? format.decode(RivetValue.self, from: bytes), let again = try? format.encode(value) {
            // What was read can be written, and is read as the same again.
            guard (try? format.decode(RivetValue.self, from: again)) != nil else { fatalError("unreadable") }
        }
        _ = try? format.decode(Sample.self, from: bytes)
        _ = try? format.decode([Sample.Choice].self, from: bytes)
        _ = try? format.decodePositionalArguments(Sample.Member.self, from: bytes)
        _ = try? format.decodeArguments(as: (Int?, String?, Sample?).self, from: bytes)
    }

    private static func readMessages(_ bytes: ByteChunk, _ codec: MessageCodec) {
        _ = try? codec.readServerMessage(bytes)
        _ = try? codec.readClientMessage(bytes)
        _ = try? codec.readErrorBody(bytes)
        _ = try? codec.readActionBody(bytes)
        _ = try? codec.readActionResult(bytes)
        _ = try? codec.readQueueBody(bytes)
        _ = try? codec.readQueueResult(bytes)
        if codec.encoding == .json {
            _ = try? ServerMetadata.read(bytes)
            _ = try? ActorsAPIResponse.readActor(bytes)
            _ = try? ActorsAPIResponse.readList(bytes)
            _ = try? ActorsAPIRequest.read(bytes)
        }
    }

    /// The first byte says where the rest is cut in two, as a network may.
    private static func parts(_ bytes: ByteChunk) -> [ByteChunk] {
        guard let first = bytes.first else { return [] }
        let rest = bytes.slice(1..<bytes.count)
        let cut = min(Int(first), rest.count)
        return [rest.slice(0..<cut), rest.slice(cut..<rest.count)]
    }

    private static func readResponses(_ bytes: ByteChunk) {
        var decoder = HTTPResponseDecoder()
        decoder.expectResponse(toMethod: "GET", allowsUpgrade: true)
        for part in parts(bytes) {
            var position = 0
            while case let event? = try? decoder.next(in: part, from: &position) {
                switch event {
                case .end: decoder.expectResponse(toMethod: "GET", allowsUpgrade: true)
                case .upgraded: return
                case .interim, .head, .body: continue
                }
            }
        }
        _ = try? decoder.finish()
    }

    private static func readRequests(_ bytes: ByteChunk) {
        var decoder = HTTPRequestDecoder()
        for part in parts(bytes) {
            var position = 0
            while case _? = try? decoder.next(in: part, from: &position) {}
        }
        try? decoder.finish()
    }

    private static func readFrames(_ bytes: ByteChunk, _ role: WebSocketRole) {
        var machine = WebSocketStateMachine(WebSocketStateMachine.Configuration(role: role))
        for part in parts(bytes) {
            machine.received(part, now: TimePoint(.zero))
            while machine.nextAction() != nil {}
        }
        machine.receivedEnd(.finished)
        while machine.nextAction() != nil {}
    }

    private static func readEvents(_ bytes: ByteChunk) {
        func read(_ parts: [ByteChunk]) -> [ServerSentEvent] {
            var parser = ServerSentEventParser(maxLineSize: 512, maxEventSize: 1_024)
            var events: [ServerSentEvent] = []
            do {
                for part in parts {
                    var position = 0
                    while let event = try parser.next(in: part, from: &position) { events.append(event) }
                }
            } catch {
                events.append(ServerSentEvent(data: "\(error)"))
            }
            return events
        }
        // However they are cut, they are the same.
        guard read(parts(bytes)) == read([bytes.slice(min(1, bytes.count)..<bytes.count)]) else { fatalError("cut") }
    }

    private static func readTexts(_ text: String) {
        _ = try? Endpoint.parse(text)
        _ = CloseReasonText(text)
        _ = try? Subprotocols.read(header: text)
        _ = ActorsAPITarget.parameters(of: text)
        _ = ActorKey(text: text)
        _ = GatewayRoute(target: text)
    }
}

private let target: FuzzTarget = {
    let name = getenv("RIVET_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else { fatalError("RIVET_FUZZ_TARGET names no target") }
    return target
}()

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    target.run(ByteChunk(copying: UnsafeRawBufferPointer(start: start, count: count)))
    return 0
}

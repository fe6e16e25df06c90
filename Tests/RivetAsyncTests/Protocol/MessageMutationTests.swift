// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// Random and damaged bytes into every decoder of this folder: each answer or error is fine, a trap is not.
@Suite(.leavesNothing, .timeLimit(.minutes(5)))
struct MessageMutationTests {
    /// Reads by every decoder; the number of those that took it.
    private func readAll(_ document: ByteChunk) -> Int {
        var taken = 0
        func attempt(_ body: () throws(CodingError) -> Void) {
            do {
                try body()
                taken += 1
            } catch {
                // Offsets lie in the document, or one behind it.
                if error.offset > document.count { Issue.record("offset \(error.offset) of \(document.count)") }
            }
        }
        for encoding in WireEncoding.allCases {
            let codec = MessageCodec(encoding)
            attempt { () throws(CodingError) in
                switch try codec.readServerMessage(document) {
                case .event(let event): check(event.name, event.arguments, in: document)
                case .actionResponse(_, let output): check(output, in: document)
                default: break
                }
            }
            attempt { () throws(CodingError) in
                if case .actionRequest(_, let name, let arguments) = try codec.readClientMessage(document) {
                    check(name, arguments, in: document)
                }
            }
            attempt { () throws(CodingError) in _ = try codec.readActionBody(document) }
            attempt { () throws(CodingError) in _ = try codec.readActionResult(document) }
            attempt { () throws(CodingError) in _ = try codec.readQueueBody(document) }
            attempt { () throws(CodingError) in _ = try codec.readQueueResult(document) }
            attempt { () throws(CodingError) in _ = try codec.readErrorBody(document) }
        }
        attempt { () throws(CodingError) in _ = try ActorsAPIRequest.read(document) }
        attempt { () throws(CodingError) in _ = try ActorsAPIResponse.readActor(document).actor.startFailure }
        attempt { () throws(CodingError) in _ = try ActorsAPIResponse.readList(document) }
        attempt { () throws(CodingError) in _ = try ServerMetadata.read(document) }
        let text = document.string
        _ = GatewayRoute(target: "/gateway/" + text)
        _ = try? Endpoint.parse("http://" + text)
        _ = try? Subprotocols.read(header: text)
        _ = CloseReasonText(text)
        _ = EngineID(text: text)
        // Not `#expect`, which costs more than all that it is about here.
        if ActorKey(text: ActorKey(text: text).text) != ActorKey(text: text) { Issue.record("the key \(text)") }
        return taken
    }

    private func check(_ slices: ByteChunk..., in document: ByteChunk) {
        for slice in slices where slice.count > document.count { Issue.record("a slice of \(slice.count) bytes") }
    }

    private static let messages: [[UInt8]] =
        ["bare.message", "cbor.message", "json.message"].flatMap { VectorFile.group($0).map(\.bytes) }

    private static let seeds: [[UInt8]] =
        messages
        + VectorFile.group("http").flatMap { vector in
            ["request", "response"].compactMap { part in
                let body = vector[part]?["body"]
                return (body?["hex"]?.text).map { unhex($0) } ?? (body?["text"]?.text).map { Array($0.utf8) }
            }
        }

    @Test("B120: damaged messages are read or refused, never worse")
    func damagedMessages() {
        let seed: UInt64 = 0x5EED_0004
        var random = SeededGenerator(seed: seed)
        let count = TestScale.count(full: 1_000_000, byDefault: 1_500)
        print("MessageMutationTests: seed \(seed), \(count) inputs")
        var taken = 0
        for _ in 0..<count {
            var bytes = Self.seeds[Int.random(in: 0..<Self.seeds.count, using: &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &random)
                case 2 where place < bytes.count: bytes.remove(at: place)
                case 3: bytes.insert(.random(in: 0...255, using: &random), at: place)
                default: bytes.removeSubrange(place...)
                }
            }
            taken += readAll(ByteChunk(bytes))
        }
        #expect(taken > 0)
    }

    @Test func randomBytes() {
        let seed: UInt64 = 0x5EED_0005
        var random = SeededGenerator(seed: seed)
        let count = TestScale.count(full: 1_000_000, byDefault: 1_500)
        print("MessageMutationTests: seed \(seed), \(count) inputs")
        for _ in 0..<count {
            let length = Int.random(in: 0...40, using: &random)
            var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Half of them pass the first gate of BARE.
            if length > 2, Bool.random(using: &random) { bytes.replaceSubrange(0..<2, with: [4, 0]) }
            _ = readAll(ByteChunk(bytes))
        }
    }

    @Test func everyPrefixOfAMessageIsRefusedOrRead() {
        for seed in Self.messages {
            for length in 0..<seed.count { _ = readAll(ByteChunk(seed.prefix(length))) }
        }
    }

    @Test("Slices of a message point into it: nothing is copied")
    func slicesShareTheMessagesMemory() throws {
        for (group, encoding) in [
            ("bare.message", WireEncoding.bare), ("cbor.message", .cbor), ("json.message", .json),
        ] {
            let name = encoding == .bare ? "bare.ToClient.Event.v4" : "\(encoding.name).ToClient.Event"
            let vector = try #require(VectorFile.group(group).first { $0.id == name })
            let padded = ByteChunk([1, 2, 3] + vector.bytes + [4, 5])
            let message = padded.slice(3..<(3 + vector.bytes.count))
            guard case .event(let event) = try MessageCodec(encoding).readServerMessage(message) else {
                Issue.record("\(name) is no event")
                continue
            }
            #expect(event.name.string == "newCount")
            #expect(event.arguments.count == (encoding == .json ? 3 : 2))
            for slice in [event.name, event.arguments] { #expect(slice.retainedSize == padded.retainedSize) }
            let start = padded.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            let place = event.name.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            #expect(place > start && place < start + UInt(padded.count))
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// Valid conversations, damaged at random: no trap, no hang, and the same result whatever the cutting.
///
/// Each finding becomes a row of ``HostileHTTPPeer``.
@Suite(.leavesNothing, .timeLimit(.minutes(10))) struct HTTPMutationTests {
    static let responses = [
        "HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nContent-Length: 12\r\n\r\nHello World!",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;name=value\r\nHello\r\nA\r\n, chunked \r\n0\r\nDigest: x\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\nuntil the end",
        "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
    ]
    static let requests = [
        "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\nPOST /a HTTP/1.1\r\nhost: a\r\nContent-Length: 5\r\n\r\nhello",
        "\r\nPUT /b HTTP/1.0\r\n\r\nPUT /b HTTP/1.1\r\nHost:b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n",
    ]
    static let words = [
        "\r\n", "\n", "\r", "\r\n\r\n", ":", ";", " ", "\t", "0", "f", "ffffffffffffffff", "7fffffffffffffff", ",",
        "\0",
        "Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n", "HTTP/1.1 ", "101", "204", "-1", "\u{e9}",
    ].map { Array($0.utf8) }

    @Test func damagedConversationsEndProperly() throws {
        let seed = SeededGenerator.printedSeed
        let count = TestScale.count(full: 500_000, byDefault: 3_000)
        print("HTTPMutationTests: \(count) inputs, RIVET_TEST_SEED=\(seed)")
        var random = SeededGenerator(seed: seed)
        var limits = HTTPLimits()
        (limits.maxHeadSize, limits.maxBodySize, limits.maxTrailersSize, limits.maxChunkLineSize) = (256, 64, 64, 32)
        let responses = responseVerifier(
            methods: ["GET", "HEAD", "POST"],
            allowsUpgrade: true,
            limits: limits
        )
        let requests = requestVerifier(limits: limits)
        for number in 0..<count {
            let isResponse = number % 3 != 0
            let bytes = Self.damaged(isResponse ? Self.responses : Self.requests, &random)
            let cuts = Self.cut(bytes, &random)
            let isSame =
                isResponse
                ? Self.agree(responses, bytes, cuts, thenEnd: true) : Self.agree(requests, bytes, cuts, thenEnd: false)
            guard isSame else {
                Issue.record("input \(number) of seed \(seed) depends on the cutting: \(bytes)")
                return
            }
        }
    }

    /// Whether `cuts` give the same events and error as all of their bytes at once.
    private static func agree<Event>(
        _ verifier: DecoderVerifier<Event>,
        _ bytes: [UInt8],
        _ cuts: [ByteChunk],
        thenEnd: Bool
    ) -> Bool {
        let (whole, error) = run(verifier, [ByteChunk(bytes)], thenEnd: thenEnd)
        let (pieces, otherError) = run(verifier, cuts, thenEnd: thenEnd)
        return whole == pieces && error == otherError
    }

    private static func run<Event>(
        _ verifier: DecoderVerifier<Event>,
        _ chunks: [ByteChunk],
        thenEnd: Bool
    ) -> ([Event], HTTPError?) {
        let feed = verifier.makeDecoder()
        var events: [Event] = []
        do {
            for chunk in chunks { try feed(chunk, &events) }
            if thenEnd { try feed(ByteChunk(), &events) }
            return (verifier.mergeAll(events), nil)
        } catch {
            return (verifier.mergeAll(events), error as? HTTPError)
        }
    }

    private static func damaged(_ conversations: [String], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Array((conversations.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...12, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 4: bytes.removeSubrange(at...)
            default: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: at)
            }
        }
        return bytes
    }

    private static func cut(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [ByteChunk] {
        var chunks: [ByteChunk] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 1...40, using: &random))
            chunks.append(ByteChunk(bytes[start..<end]))
            start = end
        }
        return chunks
    }
}

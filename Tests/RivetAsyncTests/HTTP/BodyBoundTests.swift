// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What a body that nobody reads may keep, and what is left of one that was given up.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct BodyBoundTests {
    @Test("B221: pieces that nobody reads keep few bytes of large receive buffers alive")
    func pinned() async throws {
        let buffer = HTTPBodyBuffer(gauge: ResourceGauge())
        weak var first: ByteStorage?
        for number in 0..<64 {
            let storage = ByteStorage.allocate(capacity: 65_536)
            storage.base.storeBytes(of: UInt8(number), as: UInt8.self)
            if number == 0 { first = storage }
            #expect(buffer.push(ByteChunk(storage: storage, offset: 0, count: 1)))
        }
        buffer.finish()
        #expect(first == nil)
        #expect(try await HTTPBody(buffer).collect(upTo: 64) == ByteChunk(0..<64))
    }

    @Test("B221: pieces of one byte are bounded by what they cost")
    func manySmallOnes() {
        let buffer = HTTPBodyBuffer(gauge: ResourceGauge())
        var count = 1
        while buffer.push(ByteChunk([1])) { count += 1 }
        #expect(count == 262_144 / 65 + 1)
        buffer.abandon()
    }

    @Test("what comes behind it, as long as the connection lives, is no end of it either")
    func givenUpEarly() async throws {
        let buffer = HTTPBodyBuffer(gauge: ResourceGauge())
        #expect(buffer.push(ByteChunk([1, 2, 3])))
        let body = HTTPBody(buffer)
        await #expect(throws: HTTPCallError.self) { try await body.collect(upTo: 2) }
        _ = buffer.push(ByteChunk([4]))
        buffer.finish()
        let second = await #expect(throws: HTTPCallError.self) { try await body.collect(upTo: 2) }
        #expect(second?.error as? HTTPError == .tooLarge(.body, limit: 2, actual: nil))
    }

    @Test("a body that was given up has no end that looks like its own", arguments: [[3], [2, 1], [1, 1, 1]])
    func givenUp(_ pieces: [Int]) async throws {
        let buffer = HTTPBodyBuffer(gauge: ResourceGauge())
        for size in pieces { #expect(buffer.push(ByteChunk([UInt8](repeating: 1, count: size)))) }
        buffer.finish()
        let body = HTTPBody(buffer)
        let error = await #expect(throws: HTTPCallError.self) { try await body.collect(upTo: 2) }
        #expect(error?.error as? HTTPError == .tooLarge(.body, limit: 2, actual: nil))
        let second = await #expect(throws: HTTPCallError.self) { try await body.collect(upTo: 2) }
        #expect(second?.error as? HTTPError == .tooLarge(.body, limit: 2, actual: nil))
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TCPSocketTests {
    @Test func bytesGoBothWaysAndBothEndsFinish() async throws {
        let pair = try await SocketPair.make()
        let client = RecordingHandler()
        let server = RecordingHandler { [server = pair.server] bytes in
            server.write { buffer in bytes.withUnsafeBytes { buffer.append($0) } }
        }
        await pair.server.lane.perform { pair.server.setHandler(server) }
        await pair.client.lane.perform {
            pair.client.setHandler(client)
            pair.client.write { $0.append([1, 2, 3]) }
            pair.client.write { $0.append([4, 5]) }
        }
        #expect(await client.until { $0.bytes.count == 5 }.bytes == [1, 2, 3, 4, 5])
        #expect(server.record.pieces == [5], "written in one turn, sent at once")
        await pair.client.lane.perform { pair.client.finishWriting() }
        #expect(await server.untilEnd().ends == [.finished])
        // Half-closed: the other way still works.
        pair.server.writeLater([6])
        #expect(await client.until { $0.bytes.count == 6 }.bytes.last == 6)
        await pair.server.lane.perform { pair.server.finishWriting() }
        #expect(await client.untilEnd().ends == [.finished])
        #expect(await pair.close() == 0)
    }
}

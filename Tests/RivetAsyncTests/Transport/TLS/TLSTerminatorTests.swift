// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// That the terminator changes nothing but the encryption, so that other tests can rely on it.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct TLSTerminatorTests {
    @Test(arguments: ["TLSv1_2", "TLSv1_3"])
    func bytesAndEndsPassBothWays(_ version: String) async throws {
        let lanes = LaneGroup(count: 1)
        let accepted = Feed<TCPSocket>(capacity: 1)
        let listener = try await TCPListener.listen(lanes: lanes) { accepted.push($0) }
        let terminator = try await TLSTerminator(forwardingTo: listener.localPort, newest: version)
        let client = TLSClient(terminator.options)
        let stream = try await client.dial(port: terminator.port)
        let ours = RecordingHandler()
        await client.lane.perform { stream.setHandler(ours) }
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        stream.writeLater(sent)
        let server = try #require(await accepted.next())
        let theirs = RecordingHandler()
        await server.lane.perform { server.setHandler(theirs) }
        #expect(await theirs.until { $0.bytes.count >= sent.count || !$0.ends.isEmpty }.bytes == sent)
        await client.lane.perform { stream.finishWriting() }
        #expect(await theirs.untilEnd().ends == [.finished])
        // Half-closed: the answer may come after the end of the question.
        server.writeLater(sent)
        #expect(await ours.until { $0.bytes.count >= sent.count || !$0.ends.isEmpty }.bytes == sent)
        await server.lane.perform { server.finishWriting() }
        #expect(await ours.untilEnd().ends == [.finished])
        #expect(terminator.failures == [])
        await client.lane.perform { stream.close() }
        #expect(await client.descriptorsAfterShutDown() == 0)
        await terminator.stop()
        await listener.close()
        await lanes.shutDown()
    }

    @Test func aResetBehindItIsNoProperEnd() async throws {
        let lanes = LaneGroup(count: 1)
        let listener = try await TCPListener.listen(lanes: lanes) { $0.closeWithReset() }
        let terminator = try await TLSTerminator(forwardingTo: listener.localPort)
        let client = TLSClient(terminator.options)
        let ours = RecordingHandler()
        do {
            let stream = try await client.dial(port: terminator.port)
            await client.lane.perform { stream.setHandler(ours) }
            guard case .failed = await ours.untilEnd().ends.first else {
                Issue.record("ended properly")
                return
            }
        } catch is TransportError {
            // The reset may have come before the handshake was over.
        }
        #expect(await client.descriptorsAfterShutDown() == 0)
        await listener.close()
        await lanes.shutDown()
    }
}

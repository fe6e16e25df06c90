// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// A connection that is there and says nothing: the last stage at which a call can be left.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SilentPeerTests {
    enum Ending: CaseIterable, Sendable {
        case deadline, cancellation
    }

    @Test(arguments: StreamPair.Kind.all.filter { $0.dialer != nil }, Ending.allCases)
    func aCallEndsWithoutFurtherTimeAndLeavesNoDescriptor(_ kind: StreamPair.Kind, _ ending: Ending) async throws {
        let peerLanes = LaneGroup(count: 1)
        let peer = RecordingHandler()
        let listener = try await TCPListener.listen(lanes: peerLanes) { $0.setHandler(peer) }
        let clock = TestClock()
        let pool = HTTPPool(try #require(kind.dialer), clock)
        let deadline = ending == .deadline ? TimePoint(.seconds(5)) : nil
        let call = Task {
            try await pool.pool.execute(
                HTTPRequestHead(target: "/"),
                to: pool.origin(listener.localPort),
                deadline: deadline
            )
        }
        _ = await peer.until { !$0.bytes.isEmpty }
        switch ending {
        case .deadline:
            await clock.waitForSleepers()
            await clock.advance(by: .seconds(5))
        case .cancellation:
            call.cancel()
        }
        let failure = await #expect(throws: HTTPCallError.self) { _ = try await call.value }
        switch ending {
        case .deadline: #expect(failure?.error is DeadlinePassedError)
        case .cancellation: #expect(failure?.error is CancellationError)
        }
        #expect(failure?.requestLeft == true)
        // The peer sees it at once, and only the lane's own descriptors are left.
        #expect(await peer.untilEnd().ends.count == 1)
        await pool.lanes.next().perform {}
        #expect(pool.gauge.counts.descriptors == 2)
        #expect(await pool.close() == .zero)
        await listener.close()
        await peerLanes.shutDown()
    }
}

// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization
import Testing

@testable import RivetAsync

/// A peer that speaks and ends before its client's lane hears that it is connected.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct EarlyEndTests {
    @Test("bytes and the end that come with the connection are both heard")
    func withTheConnection() async throws {
        let gauge = ResourceGauge()
        let lane = Lane(label: "early.end", gauge: gauge)
        let listening = try SystemCalls.makeSocket(for: .loopback(port: 0))
        try SystemCalls.bind(listening, to: .loopback(port: 0))
        try SystemCalls.listen(listening, backlog: 1)
        let address = try SystemCalls.localAddress(listening)
        // The lane is held before and behind the connect, which it makes between the two.
        let (before, behind) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        lane.run { before.wait() }
        let connecting = Task(executorPreference: lane.taskExecutor) {
            try await TCPSocket.connect(to: address, lane: lane)
        }
        lane.run { lane.run { behind.wait() } }
        before.signal()
        var peer: Int32 = -1
        try await until {
            if case .descriptor(let accepted) = SystemCalls.accept(listening) { peer = accepted }
            return peer >= 0
        }
        [UInt8]("ten bytes!".utf8).withUnsafeBytes { _ = unsafe SystemCalls.send(peer, $0) }
        SystemCalls.finishWriting(peer)
        behind.signal()
        let socket = try await connecting.value
        let handler = RecordingHandler()
        await socket.setHandlerLater(handler)
        let record = await handler.untilEnd()
        #expect(String(decoding: record.bytes, as: UTF8.self) == "ten bytes!")
        #expect(record.ends == [.finished])
        await lane.perform { socket.close() }
        await lane.shutDown()
        SystemCalls.close(peer)
        SystemCalls.close(listening)
        #expect(gauge.descriptors.load(ordering: .sequentiallyConsistent) == 0)
    }
}

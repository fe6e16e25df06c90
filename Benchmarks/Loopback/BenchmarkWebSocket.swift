// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A WebSocket of the library to the reference server.
struct BenchmarkWebSocket {
    let channel: WebSocketChannel
    let lanes: LaneGroup
    let lane: Lane

    init(port: UInt16, target: String, lanes: LaneGroup = LaneGroup(count: 1)) async throws {
        self.lanes = lanes
        lane = lanes.next()
        let time = TimeSource(ContinuousClock())
        let stream = try await SocketDialer().dial(.init(host: "127.0.0.1", port: Int(port), lane: lane, time: time))
        let handshake = try WebSocketHandshake(target: target, host: "localhost", nonce: RandomSource.kernel.bytes(16))
        let keys = WebSocketMaskingKeys(fill: RandomSource.kernel.stream())
        let channel = WebSocketChannel(lane: lane, maskingKeys: keys)
        _ = try await WebSocketConnection.open(handshake, over: stream) { _, _ in
            let connection = WebSocketConnection(
                stream: stream,
                handler: channel,
                configuration: WebSocketStateMachine.Configuration(role: .client),
                maskingKeys: keys,
                time: time,
                deadlines: DeadlineScheduler(time: time, gauge: stream.lane.gauge)
            )
            channel.attach(connection)
            return connection
        }
        self.channel = channel
    }

    func close() async {
        channel.abort()
        await lanes.shutDown()
    }
}

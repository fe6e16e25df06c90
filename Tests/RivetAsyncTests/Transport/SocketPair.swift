// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Two ends of one TCP connection over loopback.
struct SocketPair {
    let lanes: LaneGroup
    let gauge: ResourceGauge
    let listener: TCPListener
    let client: TCPSocket
    let server: TCPSocket

    static func make(lanes count: Int = 2) async throws -> SocketPair {
        let gauge = ResourceGauge()
        let lanes = LaneGroup(count: count, gauge: gauge)
        let accepted = Feed<TCPSocket>(capacity: 1)
        let listener = try await TCPListener.listen(lanes: lanes) { accepted.push($0) }
        let client = try await TCPSocket.connect(to: listener.localAddress, lane: lanes.next())
        guard let server = await accepted.next() else { throw CancellationError() }
        return SocketPair(lanes: lanes, gauge: gauge, listener: listener, client: client, server: server)
    }

    /// Closes everything and returns how many descriptors are left.
    func close() async -> Int {
        await client.lane.perform { client.close() }
        await server.lane.perform { server.close() }
        await listener.close()
        await lanes.shutDown()
        return gauge.descriptors.load(ordering: .sequentiallyConsistent)
    }
}

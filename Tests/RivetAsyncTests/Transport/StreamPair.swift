// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Two ends of one connection, each on a lane of its own.
struct StreamPair {
    enum Kind: CaseIterable, Sendable {
        case tcp, memory
    }

    let lanes: LaneGroup
    let gauge: ResourceGauge
    let listener: TCPListener?
    let client: any ByteStream
    let server: any ByteStream

    static func make(_ kind: Kind) async throws -> StreamPair {
        let gauge = ResourceGauge()
        let lanes = LaneGroup(count: 2, gauge: gauge)
        switch kind {
        case .tcp:
            let (client, server, listener) = try await connectedSockets(lanes)
            return StreamPair(lanes: lanes, gauge: gauge, listener: listener, client: client, server: server)
        case .memory:
            let (client, server) = MemoryStream.pair(on: lanes.next(), lanes.next())
            return StreamPair(lanes: lanes, gauge: gauge, listener: nil, client: client, server: server)
        }
    }

    static func connectedSockets(_ lanes: LaneGroup) async throws -> (TCPSocket, TCPSocket, TCPListener) {
        let accepted = Feed<TCPSocket>(capacity: 1)
        let listener = try await TCPListener.listen(lanes: lanes) { accepted.push($0) }
        let client = try await TCPSocket.connect(to: listener.localAddress, lane: lanes.next())
        guard let server = await accepted.next() else { throw CancellationError() }
        return (client, server, listener)
    }

    /// Closes everything and returns how many descriptors are left.
    func close() async -> Int {
        await client.lane.perform { client.close() }
        await server.lane.perform { server.close() }
        await listener?.close()
        await lanes.shutDown()
        return gauge.descriptors.load(ordering: .sequentiallyConsistent)
    }
}

extension ByteStream {
    func setHandlerLater(_ handler: any ByteHandler & Sendable) async {
        await lane.perform { self.setHandler(handler) }
    }

    func reset() {
        switch self {
        case let stream as TCPSocket: stream.closeWithReset()
        case let stream as MemoryStream: stream.closeWithReset()
        default: fatalError("no such stream in the tests")
        }
    }
}

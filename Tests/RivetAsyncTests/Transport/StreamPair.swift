// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Two ends of one connection, each on a lane of its own.
struct StreamPair {
    enum Kind: CaseIterable, Sendable {
        case memory, tcp
        /// The client's end is TLS, and its peer is a TCP socket behind a terminator.
        case tls

        /// Without TLS where the programs are missing that it needs.
        static let all = allCases.filter { $0 != .tls || TestCertificates.areAvailable }
        /// Where nothing is between the ends.
        static let direct: [Kind] = [.memory, .tcp]

        var dialer: (any Dialer)? {
            switch self {
            case .memory: nil
            case .tcp: SocketDialer()
            case .tls: TerminatedDialer()
            }
        }

        /// More than what can be on its way when nobody reads: the buffers of the kernel, and of the terminator.
        var mostOnTheWay: Int {
            switch self {
            case .memory: 1 << 17
            case .tcp, .tls: 8 << 20
            }
        }
    }

    let lanes: LaneGroup
    let gauge: ResourceGauge
    let listener: TCPListener?
    let client: any ByteStream
    let server: any ByteStream

    static func make(_ kind: Kind, laneCount: Int = 2) async throws -> StreamPair {
        let gauge = ResourceGauge()
        let lanes = LaneGroup(count: laneCount, gauge: gauge)
        guard let dialer = kind.dialer else {
            let (client, server) = MemoryStream.pair(on: lanes.next(), lanes.next())
            return StreamPair(lanes: lanes, gauge: gauge, listener: nil, client: client, server: server)
        }
        let accepted = Feed<TCPSocket>(capacity: 1)
        let listener = try await TCPListener.listen(lanes: lanes) { accepted.push($0) }
        let client = try await dialer.dial(
            .init(host: "127.0.0.1", port: listener.localPort, lane: lanes.next(), time: TimeSource(ContinuousClock()))
        )
        guard let server = await accepted.next() else { throw CancellationError() }
        return StreamPair(lanes: lanes, gauge: gauge, listener: listener, client: client, server: server)
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

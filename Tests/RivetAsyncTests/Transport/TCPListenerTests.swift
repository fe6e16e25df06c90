// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TCPListenerTests {
    private let gauge = ResourceGauge()
    private let lanes: LaneGroup

    init() { lanes = LaneGroup(count: 2, gauge: gauge) }

    @Test func portZeroTakesAFreePortAndATakenOneIsAnError() async throws {
        let listener = try await TCPListener.listen(lanes: lanes) { _ in }
        #expect(listener.localPort > 0)
        #expect(listener.localAddress == .loopback(port: UInt16(listener.localPort)))
        await #expect(throws: TransportError.system(.bind, .addressInUse)) {
            _ = try await TCPListener.listen(on: listener.localAddress, lanes: lanes) { _ in }
        }
        await listener.close()
        await listener.close()
        // A freed port can be taken again, unless a test beside this one was quicker; five times none is.
        var again: TCPListener?
        for _ in 0..<5 where again == nil {
            let freed = try await TCPListener.listen(lanes: lanes) { _ in }
            await freed.close()
            again = try? await TCPListener.listen(on: freed.localAddress, lanes: lanes) { _ in }
        }
        let taken = try #require(again)
        await taken.close()
        await lanes.shutDown()
        #expect(gauge.counts == .zero)
    }

    @Test func connectionsAreSpreadOverTheLanesAndHandedOverOnTheirOwn() async throws {
        let accepted = Feed<TCPSocket>(capacity: 8)
        let listener = try await TCPListener.listen(lanes: lanes) { socket in
            #expect(socket.lane.isCurrent)
            accepted.push(socket)
        }
        var sockets: [TCPSocket] = []
        for _ in 0..<4 {
            let client = try await TCPSocket.connect(to: listener.localAddress, lane: lanes.next())
            let server = try #require(await accepted.next())
            let (near, far) = await (
                client.lane.perform { client.localAddress }, server.lane.perform { server.remoteAddress }
            )
            #expect(near == far && near != nil)
            sockets += [client, server]
        }
        #expect(Set(sockets.map { ObjectIdentifier($0.lane) }).count == 2)
        await listener.close()
        // Connections live on without the listener.
        let handler = RecordingHandler()
        await sockets[1].setHandlerLater(handler)
        sockets[0].writeLater([1])
        _ = await handler.until { $0.bytes == [1] }
        for socket in sockets { await socket.lane.perform { socket.close() } }
        await lanes.shutDown()
        #expect(gauge.counts == .zero)
    }

    @Test func ipv6WorksWhereTheMachineHasIt() async throws {
        guard
            let listener = try? await TCPListener.listen(
                on: SocketAddress(ip: .v6(1, zone: 0), port: 0),
                lanes: lanes,
                accepted: { socket in socket.lane.run { socket.close() } }
            )
        else { return await lanes.shutDown() }
        #expect(listener.localAddress.description == "[::1]:\(listener.localPort)")
        let client = try await TCPSocket.connect(to: listener.localAddress, lane: lanes.next())
        let handler = RecordingHandler()
        await client.setHandlerLater(handler)
        #expect(await handler.untilEnd().ends == [.finished])
        await client.lane.perform { client.close() }
        await listener.close()
        await lanes.shutDown()
        #expect(gauge.counts == .zero)
    }

    @Test func nobodyListensAndTheConnectionIsRefused() async throws {
        let refusing = try RefusingAddress()
        defer { refusing.close() }
        await #expect(throws: TransportError.system(.connect, .connectionRefused)) {
            _ = try await TCPSocket.connect(to: refusing.address, lane: lanes.next())
        }
        await lanes.shutDown()
        #expect(gauge.counts == .zero)
    }
}

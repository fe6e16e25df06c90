// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A client of a server whose every byte the test says, on a clock that the test moves, and its raw WebSockets.
struct RawPeer: Sendable {
    enum Site: ActorDefinition {}

    static let id = ClientTranscriptTests.id

    let client: RivetClient
    let server: LiteralServer
    let clock = TestClock()

    /// Nothing is left when `body` has returned.
    static func run(
        basePath: String = "",
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RawPeer) async throws -> Void
    ) async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint + basePath, token: .none)
        configuration.looksUpMetadata = false
        configuration.keepAlive = nil
        change(&configuration)
        let fixture = RawPeer(configuration, server)
        try await body(fixture)
        await fixture.client.close(within: .zero)
        await server.stop()
        #expect(fixture.client.context.gauge.counts == .zero)
    }

    private init(_ configuration: RivetConfiguration, _ server: LiteralServer) {
        self.server = server
        client = RivetClient(configuration, clock: clock)
    }

    var handle: ActorHandle<Site> { client.getForID(Site.self, ActorID(rawValue: Self.id)) }

    /// The answer to a handshake with this key.
    static func answer(toKey key: String, rayID: String = "ray101") -> String {
        LiteralServer.Peer.switching(toKey: key, rayID: rayID)
    }

    /// Takes the next connection's handshake and accepts it; `first` follows at once.
    func accept(_ first: [UInt8] = []) async throws -> (peer: LiteralServer.Peer, head: [String]) {
        let peer = try await server.accept()
        let head = try await peer.readHead()
        peer.write(Array(Self.answer(toKey: try CauseTests.key(of: head)).utf8) + first)
        return (peer, head)
    }

    /// An open WebSocket and its other end.
    func open(_ path: String = "x") async throws -> (socket: ActorWebSocket, peer: LiteralServer.Peer) {
        async let opening = handle.webSocket(path)
        let (peer, _) = try await accept()
        return (try await opening, peer)
    }

    /// A close frame as a server sends it.
    static func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
        frame(8, [UInt8(code >> 8), UInt8(code & 255)] + Array(reason.utf8))
    }

    /// The client's next frame is a close frame with this code.
    static func expectClose(_ peer: LiteralServer.Peer, _ code: UInt16) async throws {
        let frame = try await ClientTranscriptTests.clientFrame(peer)
        #expect(frame.first == 0x88)
        #expect(frame.payload.prefix(2) == [UInt8(code >> 8), UInt8(code & 255)])
    }
}

extension ActorWebSocket {
    /// Everything until the end, and the error that ended it.
    func readAll() async -> (messages: [Message], error: RivetError?) {
        var read: [Message] = []
        do {
            for try await message in messages { read.append(message) }
            return (read, nil)
        } catch {
            return (read, error as? RivetError)
        }
    }
}

extension ActorWebSocket.End {
    var name: String {
        switch self {
        case .open: "open"
        case .closed(let closing): "closed \(closing.code.rawValue) \(closing.reason)"
        case .lost(let error): "lost \(error.code.name)"
        }
    }
}

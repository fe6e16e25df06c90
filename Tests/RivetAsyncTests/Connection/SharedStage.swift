// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

@testable import RivetAsync

/// A client whose users share connections, and the other end of their sockets, whose every byte the test says.
struct SharedStage: Sendable {
    typealias Socket = ConnectionStage.Socket

    let client: RivetClient
    let handle: ActorHandle<Untyped>
    let server: LiteralServer
    let clock: TestClock

    static func run(
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (SharedStage) async throws -> Void
    ) async throws {
        try await ConnectionStage.serving(change) { client, server, clock in
            let handle = client.getForID("a", ActorID(rawValue: AnsweringServer.id))
            try await body(SharedStage(client: client, handle: handle, server: server, clock: clock))
        }
    }

    func join(idle: Duration = .seconds(50)) async throws -> User {
        try await User.join(handle, idle: idle)
    }

    /// The next socket, with its 101 and nothing else.
    func upgrade() async throws -> Socket { try await Socket.upgrade(server) }

    /// The next socket, with its `Init`, which its users have heard.
    func open(for users: User...) async throws -> Socket {
        let socket = try await upgrade()
        socket.initialize()
        for user in users { try await user.connection.waitUntilConnected() }
        return socket
    }

    /// Somebody who uses a shared connection until told.
    struct User: Sendable {
        enum End: CaseIterable, Sendable {
            case returns
            case fails
            case isCancelled
            /// And stays in its closure.
            case disconnects
        }

        struct Trouble: Error {}

        let connection: ActorConnection<Untyped>
        private let returning: Signal
        private let failing: Signal
        private let using: Task<Void, any Error>

        static func join(_ handle: ActorHandle<Untyped>, idle: Duration) async throws -> User {
            let (returning, failing) = (Signal(), Signal())
            let joined = Feed<ActorConnection<Untyped>>(capacity: 1)
            let using = Task {
                try await handle.withSharedConnection(idle: idle) { connection in
                    joined.push(connection)
                    await returning.wait()
                    try Task.checkCancellation()
                    if failing.isSet { throw Trouble() }
                }
            }
            guard let connection = await joined.next() else { throw CancellationError() }
            return User(connection: connection, returning: returning, failing: failing, using: using)
        }

        /// Returns when its closure has ended, except for one that only disconnects; true where it ended as it was to.
        @discardableResult
        func end(_ end: End = .returns) async -> Bool {
            switch end {
            case .returns: break
            case .fails: failing.set()
            case .isCancelled: using.cancel()
            case .disconnects:
                await connection.disconnect()
                return true
            }
            returning.set()
            do {
                try await using.value
                return end == .returns
            } catch is Trouble {
                return end == .fails
            } catch {
                return end == .isCancelled && error is CancellationError
            }
        }
    }
}

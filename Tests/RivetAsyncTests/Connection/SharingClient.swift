// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

@testable import RivetAsync

/// A client whose users share connections, and the other end of their sockets, whose every byte the test says.
struct SharingClient: Sendable {
    typealias Socket = LiteralConnection.Socket

    let client: RivetClient
    let handle: ActorHandle<Untyped>
    let server: LiteralServer
    let clock: TestClock

    static func run(
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (SharingClient) async throws -> Void
    ) async throws {
        try await LiteralConnection.serving(change) { client, server, clock in
            let handle = client.getForID("a", ActorID(rawValue: AnsweringServer.id))
            try await body(SharingClient(client: client, handle: handle, server: server, clock: clock))
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

    func untilHeld(_ count: Int, _ driver: ConnectionDriver) async throws {
        try await until { await driver.machine.heldCount == count }
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

        private init(
            _ connection: ActorConnection<Untyped>,
            _ returning: Signal,
            _ failing: Signal,
            _ using: Task<Void, any Error>
        ) {
            (self.connection, self.returning, self.failing, self.using) = (connection, returning, failing, using)
        }

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
            return User(connection, returning, failing, using)
        }

        /// Returns when its closure has ended, except for one that only disconnects; true where it ended as it was to.
        @discardableResult
        func end(_ end: End = .returns) async -> Bool {
            switch end {
            case .returns: break
            case .fails: failing.set()
            case .isCancelled: using.cancel()
            case .disconnects: return await (try? endingWithCaller { await connection.disconnect() }) != nil
            }
            returning.set()
            do {
                try await endingWithCaller { try await using.value }
                return end == .returns
            } catch is Trouble {
                return end == .fails
            } catch {
                return end == .isCancelled && error is CancellationError
            }
        }
    }
}

/// What `body` gives, or an error when the calling task is cancelled, whatever `body` makes of that.
func endingWithCaller<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
    let ended = Feed<Result<R, any Error>>(capacity: 1)
    let task = Task {
        do { ended.push(.success(try await body())) } catch { ended.push(.failure(error)) }
    }
    guard let result = await ended.next() else {
        task.cancel()
        throw CancellationError()
    }
    return try result.get()
}

// SPDX-License-Identifier: Apache-2.0

/// The statuses of a connection: the current one first, then each change, and after ``ConnectionStatus/closed(_:)`` the
/// end.
///
/// Each iterator is an observer of its own. It keeps the newest 64 statuses, so a slow one may miss steps in the middle,
/// never the last. Copies of an iterator share what it keeps: each status goes to one of them. No status comes twice in a row. Observing keeps the connection alive. A cancelled task ends its loop.
public struct ConnectionStatusSequence: AsyncSequence, Sendable {
    let board: StatusBoard
    let lifetime: ConnectionLifetime

    /// The status now, without waiting.
    public var current: ConnectionStatus { board.current }

    /// An observer.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private final class Registration: Sendable {
            let board: StatusBoard
            let lifetime: ConnectionLifetime
            let id: UInt64
            let feed: Feed<ConnectionStatus>

            init(board: StatusBoard, lifetime: ConnectionLifetime) {
                self.board = board
                self.lifetime = lifetime
                (id, feed) = board.watch()
            }

            deinit { board.unwatch(id) }
        }

        private let registration: Registration

        init(board: StatusBoard, lifetime: ConnectionLifetime) {
            registration = Registration(board: board, lifetime: lifetime)
        }

        /// The next status; nil after the last one or when the task is cancelled.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async
            -> ConnectionStatus?
        {
            await registration.feed.next()
        }
    }

    /// Starts observing.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(board: board, lifetime: lifetime) }
}

// SPDX-License-Identifier: Apache-2.0

/// The statuses of a connection: the current one first, then each change, and after ``ConnectionStatus/closed(_:)`` the
/// end.
///
/// Each iterator is an observer of its own. It keeps the newest 64 statuses, so a slow one may miss steps in the middle,
/// never the last. Copies of an iterator share what it keeps: each status goes to one of them. No status comes twice in a row. Observing keeps the connection alive. A cancelled task ends its loop.
public struct ConnectionStatusSequence: AsyncSequence, Sendable {
    let statuses: Broadcast<ConnectionStatus>
    let lifetime: ConnectionLifetime

    /// The status now, without waiting.
    public var current: ConnectionStatus { statuses.latest ?? .connecting(attempt: 1) }

    /// An observer.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: Broadcast<ConnectionStatus>.Reader
        private let lifetime: ConnectionLifetime

        init(_ sequence: ConnectionStatusSequence) {
            reader = sequence.statuses.reader()
            lifetime = sequence.lifetime
        }

        /// The next status; nil after the last one or when the task is cancelled.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async
            -> ConnectionStatus?
        {
            await reader.next()
        }
    }

    /// Starts observing.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}

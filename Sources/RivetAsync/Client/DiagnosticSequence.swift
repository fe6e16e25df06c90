// SPDX-License-Identifier: Apache-2.0

/// What the library has to say, as a sequence; it is silent otherwise.
///
/// Each iterator is a reader of its own with the newest 1,024 lines; a slow one loses the oldest and holds nobody up.
/// Copies of an iterator share its lines: each goes to one of them. It ends when the client is closed or the reading task is cancelled.
public struct DiagnosticSequence: AsyncSequence, Sendable {
    let hub: DiagnosticHub

    package init(hub: DiagnosticHub) { self.hub = hub }

    /// Reads the lines that come after it was made.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private final class Registration: Sendable {
            let hub: DiagnosticHub
            let id: UInt64
            let feed: Feed<Diagnostic>

            init(hub: DiagnosticHub) {
                self.hub = hub
                (id, feed) = hub.addReader()
            }

            deinit { hub.removeReader(id) }
        }

        private let registration: Registration

        init(hub: DiagnosticHub) { registration = Registration(hub: hub) }

        /// The next line; nil at the end.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async -> Diagnostic? {
            await registration.feed.next()
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(hub: hub) }
}

// SPDX-License-Identifier: Apache-2.0

/// What the library has to say, as a sequence; it is silent otherwise.
///
/// Each iterator is a reader of its own with the newest 1,024 lines; a slow one loses the oldest and holds nobody up.
/// Copies of an iterator share its lines: each goes to one of them. It ends when the client is closed or the reading task is cancelled.
public struct DiagnosticSequence: AsyncSequence, Sendable {
    let lines: Broadcast<Diagnostic>

    /// Reads the lines that come after it was made.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: Broadcast<Diagnostic>.Reader

        init(_ reader: Broadcast<Diagnostic>.Reader) { self.reader = reader }

        /// The next line; nil at the end.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async -> Diagnostic? {
            await reader.next()
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(lines.reader()) }
}

// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// One direction between two memory streams: what a pair of kernel buffers is for TCP.
final class MemoryPipe: Sendable {
    /// What it takes before the writer has to wait.
    private static let capacity = 65_536

    private struct State {
        var chunks = RingBuffer<ByteChunk>()
        var count = 0
        /// Comes after the chunks.
        var end: StreamEnding?
        /// The reader is gone.
        var isAbandoned = false
        var isWriterBlocked = false
        /// Both strong: a stream that nobody holds lives until it is closed, as a socket does.
        var reader: MemoryStream?
        var writer: MemoryStream?
    }

    enum Popped {
        case bytes(ByteChunk)
        case end(StreamEnding)
        case nothing
    }

    enum Pushed {
        case all
        case blocked
        /// Nobody reads any more.
        case abandoned
    }

    private let state = Mutex(State())

    func connect(writer: MemoryStream, reader: MemoryStream) {
        state.withLock {
            $0.writer = writer
            $0.reader = reader
        }
    }

    /// Moves as much of `output` as there is room for.
    func push(_ output: inout ByteBuffer) -> Pushed {
        let room = state.withLock { $0.isAbandoned ? nil : Self.capacity - $0.count }
        guard let room else { return .abandoned }
        let count = min(room, output.count)
        if count > 0 {
            let chunk = output.withUnsafeBytes {
                unsafe ByteChunk(copying: UnsafeRawBufferPointer(rebasing: $0[..<count]))
            }
            output.removeFirst(count)
            let reader = state.withLock { state in
                state.chunks.append(chunk)
                state.count += count
                return state.reader
            }
            reader?.arrived()
        }
        guard !output.isEmpty else { return .all }
        // The reader may have made room since; then it has not seen that somebody waits.
        let mustWait = state.withLock { state in
            state.isWriterBlocked = state.count > 0 && !state.isAbandoned
            return state.isWriterBlocked
        }
        return mustWait ? .blocked : push(&output)
    }

    func pop() -> Popped {
        let (popped, unblocked): (Popped, MemoryStream?) = state.withLock { state in
            guard let chunk = state.chunks.popFirst() else { return (state.end.map { .end($0) } ?? .nothing, nil) }
            state.count -= chunk.count
            guard state.isWriterBlocked else { return (.bytes(chunk), nil) }
            state.isWriterBlocked = false
            return (.bytes(chunk), state.writer)
        }
        unblocked?.roomWasMade()
        return popped
    }

    /// No bytes follow those that were pushed.
    ///
    /// The first end counts, but a failure replaces a proper one.
    func end(_ end: StreamEnding) {
        let reader = state.withLock { state in
            if state.end == nil || end != .finished { state.end = end }
            return state.reader
        }
        reader?.arrived()
    }

    /// The writer's end is closed.
    func writerLeft() {
        state.withLock { $0.writer = nil }
    }

    /// The reader's end is closed.
    ///
    /// Returns whether bytes were left unread.
    func readerLeft() -> Bool {
        let (hadUnread, unblocked): (Bool, MemoryStream?) = state.withLock { state in
            let hadUnread = state.count > 0
            state.chunks.removeAll()
            state.count = 0
            state.isAbandoned = true
            state.reader = nil
            guard state.isWriterBlocked else { return (hadUnread, nil) }
            state.isWriterBlocked = false
            return (hadUnread, state.writer)
        }
        unblocked?.roomWasMade()
        return hadUnread
    }
}

// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The side of a reader that loads a snapshot first and reads the events behind it then (B280–B284).
extension EventFeed {
    /// A snapshot is loaded from now on: the gaps until here are covered by it, and nothing holds up the socket, which
    /// may have to bring its answer.
    ///
    /// `batch` is what the reader has taken and not read. Where that is nothing, it becomes what is here, and the ring has
    /// all its room for what comes during the load.
    ///
    /// Returns how many events are here already.
    func beginLoad(behind batch: inout RingBuffer<Entry>) -> Int {
        batch.removeGaps()
        let (count, resumes) = state.withLock { state in
            (state.isLoading, state.hasOverflowed, state.dropped) = (true, false, 0)
            state.ring.removeGaps()
            if batch.isEmpty {
                swap(&batch, &state.ring)
                losses?.tally.note(delivered: state.events)
                state.forget()
            }
            defer { state.holdsReading = false }
            return (batch.count + state.ring.count, state.holdsReading)
        }
        if resumes { resumeReading() }
        return count
    }

    /// Returns true when events were dropped since the load began.
    func endLoad() -> Bool {
        state.withLock { state in
            state.isLoading = false
            return state.hasOverflowed
        }
    }

    /// Set when the feed ends, and, where it is `forGaps`, when the connection was lost and is back.
    ///
    /// For one task at a time: a new one takes the place of the one before.
    func interruption(forGaps: Bool) -> Signal {
        let signal = Signal(gauge: gauge)
        let isEnded = state.withLock { state in
            if !state.isEnded { state.interruption = (signal, forGaps) }
            return state.isEnded
        }
        if isEnded { signal.set() }
        return signal
    }

    var isEnded: Bool { state.withLock { $0.isEnded } }
}

extension RingBuffer<EventFeed.Entry> {
    fileprivate mutating func removeGaps() {
        keep { entry in if case .event = entry { true } else { false } }
    }
}

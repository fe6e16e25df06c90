// SPDX-License-Identifier: Apache-2.0

/// What goes into the ring, and what goes when it is full.
extension EventFeed {
    /// Returns true when that ends the feed.
    func append(_ event: EncodedValue, _ state: inout State) -> Bool {
        let size = event.bytes.count
        func isFull() -> Bool {
            state.events >= buffering.capacity || (state.events > 0 && state.bytes + size > buffering.maxBytes)
        }
        if isFull() {
            switch buffering.overflow {
            case .dropOldest:
                while isFull() { dropOldest(&state) }
            case .dropNewest:
                state.drop()
                return false
            case .finish:
                state.isEnded = true
                state.error = RivetError(
                    .eventBufferOverflowed,
                    "more than \(buffering.capacity) events or \(buffering.maxBytes) bytes of \"\(name)\" were unread",
                    fault: .caller,
                    execution: .ran
                )
                return true
            case .suspendReading:
                // While a snapshot is loaded its answer must be read, and so must what comes before it (B283).
                while state.isLoading, isFull() { dropOldest(&state) }
            // Otherwise it was asked before (`room`), or these are the last ones of a connection that has ended.
            }
        }
        push(event, size, &state)
        return false
    }

    private func push(_ event: EncodedValue, _ size: Int, _ state: inout State) {
        flushDroppedNewest(&state)
        state.ring.append(.event(event))
        state.events += 1
        state.bytes += size
        guard state.pinned.note(event.bytes, queueSize: state.bytes) else { return }
        state.ring.mutateEach { entry in
            guard case .event(let value) = entry else { return }
            var bytes = value.bytes
            bytes.copyOut()
            entry = .event(EncodedValue(bytes: bytes, format: value.format))
        }
    }

    private func dropOldest(_ state: inout State) {
        while let entry = state.ring.popFirst() {
            guard case .event(let value) = entry else { continue }
            state.events -= 1
            state.bytes -= value.bytes.count
            state.drop()
            return
        }
    }

    /// Dropped newest events leave their gap behind what is kept, dropped oldest ones before it.
    func flushDroppedNewest(_ state: inout State) {
        guard buffering.overflow == .dropNewest, state.dropped > 0 else { return }
        state.ring.append(.gap(.overflowed(dropped: state.dropped)))
        state.dropped = 0
    }
}

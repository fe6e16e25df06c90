// SPDX-License-Identifier: Apache-2.0

/// The actions of one connection that wait for it to open (held) or for their answer (in flight).
///
/// A waiter and its message are one entry, so a message whose caller is gone can never leave (B73). Ids rise over all
/// reconnects and are never used twice (B66).
struct PendingActions<Waiter: Sendable>: Sendable {
    struct Entry: Sendable {
        let id: UInt64
        let name: String
        let arguments: ByteChunk
        let waiter: Waiter
        fileprivate(set) var isInFlight: Bool
    }

    private var entries: [UInt64: Entry] = [:]
    /// In call order; ids that were removed from `entries` are skipped.
    private var held = RingBuffer<UInt64>()
    private(set) var nextID: UInt64 = 0
    private(set) var heldCount = 0
    private(set) var heldBytes = 0
    let maxHeldActions: Int
    let maxHeldBytes: Int

    init(maxHeldActions: Int, maxHeldBytes: Int) {
        self.maxHeldActions = maxHeldActions
        self.maxHeldBytes = maxHeldBytes
    }

    var inFlightCount: Int { entries.count - heldCount }

    /// The new entry in flight.
    mutating func addInFlight(name: String, arguments: ByteChunk, waiter: Waiter) -> Entry {
        let entry = Entry(id: nextID, name: name, arguments: arguments, waiter: waiter, isInFlight: true)
        nextID += 1
        entries[entry.id] = entry
        return entry
    }

    /// Holds an entry, in call order; false when a limit is reached.
    ///
    /// The id counts as used either way, so that a late cancellation of a refused call meets nobody else's.
    mutating func addHeld(name: String, arguments: ByteChunk, waiter: Waiter) -> Bool {
        defer { nextID += 1 }
        guard heldCount < maxHeldActions, heldBytes + arguments.count <= maxHeldBytes else { return false }
        let entry = Entry(id: nextID, name: name, arguments: arguments, waiter: waiter, isInFlight: false)
        entries[entry.id] = entry
        held.append(entry.id)
        heldCount += 1
        heldBytes += arguments.count
        return true
    }

    /// Moves the first held entry into flight.
    mutating func releaseFirstHeld() -> Entry? {
        while let id = held.popFirst() {
            guard var entry = entries[id], !entry.isInFlight else { continue }
            entry.isInFlight = true
            entries[id] = entry
            heldCount -= 1
            heldBytes -= entry.arguments.count
            return entry
        }
        return nil
    }

    mutating func remove(_ id: UInt64) -> Entry? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if !entry.isInFlight {
            heldCount -= 1
            heldBytes -= entry.arguments.count
            if heldCount == 0 { held.removeAll() }
        }
        return entry
    }

    /// The entries in flight, in the order of their calls; held ones stay.
    mutating func removeInFlight() -> [Entry] {
        let inFlight = entries.values.filter(\.isInFlight).sorted { $0.id < $1.id }
        for entry in inFlight { entries[entry.id] = nil }
        return inFlight
    }

    mutating func removeHeld() -> [Entry] {
        let heldEntries = entries.values.filter { !$0.isInFlight }.sorted { $0.id < $1.id }
        for entry in heldEntries { entries[entry.id] = nil }
        held.removeAll()
        (heldCount, heldBytes) = (0, 0)
        return heldEntries
    }
}

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
        let limit: Duration
        let deadline: TimePoint
        let waiter: Waiter
        /// What it hears where it would wait for the connection to open; nil where it may.
        ///
        /// As it was when it was called.
        let cannotWait: RivetError?
        /// Where its message begins in what was written to the socket; nil while it is held.
        fileprivate(set) var position: UInt64?

        /// It was written to a socket before, of which nothing of it left.
        fileprivate(set) var wasReturned = false

        var isInFlight: Bool { position != nil }
    }

    private var entries: [UInt64: Entry] = [:]
    /// In call order; ids that were removed from `entries` are skipped.
    private var held = RingBuffer<UInt64>()
    /// With an entry for each action, and some for those that are gone.
    private var deadlines = DeadlineHeap<UInt64>()
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
    /// Not later than the first deadline; it may be that of an action that is gone.
    var nextDeadline: TimePoint? { entries.isEmpty ? nil : deadlines.first?.deadline }

    /// A new entry: in flight, its message beginning at `position`, or held.
    ///
    /// Nil where it would be held and a limit is reached. The id counts as used either way, so that a late cancellation
    /// of a refused call meets nobody else's.
    mutating func add(
        name: String,
        arguments: ByteChunk,
        limit: Duration,
        deadline: TimePoint,
        waiter: Waiter,
        cannotWait: RivetError?,
        position: UInt64?
    ) -> Entry? {
        let id = nextID
        nextID += 1
        if position == nil {
            guard heldCount < maxHeldActions, heldBytes + arguments.count <= maxHeldBytes else { return nil }
            held.append(id)
            heldCount += 1
            heldBytes += arguments.count
        }
        let entry = Entry(
            id: id,
            name: name,
            arguments: arguments,
            limit: limit,
            deadline: deadline,
            waiter: waiter,
            cannotWait: cannotWait,
            position: position
        )
        entries[id] = entry
        if deadlines.count > 2 * entries.count + 16 { deadlines.keep { entries[$0] != nil } }
        deadlines.add(id, deadline)
        return entry
    }

    /// A call is refused before it becomes an entry; its id counts as used all the same.
    mutating func skipID() { nextID += 1 }

    /// Moves the first held entry into flight; its message begins at `position`.
    mutating func releaseFirstHeld(at position: UInt64) -> Entry? {
        while let id = held.popFirst() {
            guard var entry = entries[id], !entry.isInFlight else { continue }
            entry.position = position
            entries[id] = entry
            heldCount -= 1
            heldBytes -= entry.arguments.count
            return entry
        }
        return nil
    }

    mutating func remove(_ id: UInt64) -> Entry? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if entries.isEmpty { deadlines.removeAll() }
        if !entry.isInFlight {
            heldCount -= 1
            heldBytes -= entry.arguments.count
            if held.count > 2 * heldCount + 16 { held.keep { entries[$0]?.isInFlight == false } }
        }
        return entry
    }

    /// The ids that are kept of held actions, for tests of their bound.
    var retainedCount: Int { held.count }

    /// The entry whose answer has come, removed; nil where none of this id is in flight, whatever the peer says.
    mutating func removeAnswered(_ id: UInt64) -> Entry? {
        entries[id]?.isInFlight == true ? remove(id) : nil
    }

    /// The next entry whose time is over, removed.
    mutating func removeDue(now: TimePoint) -> Entry? {
        while let id = deadlines.removeFirst(dueAt: now) {
            if let entry = remove(id) { return entry }
        }
        return nil
    }

    /// The socket has ended, and the kernel has, or may have, what was written to it before `sent`.
    ///
    /// Entries of which no byte left are held again, in their order and before those that are (B81), whatever the
    /// limits: they were accepted.
    ///
    /// - Returns: the entries of which something may have left, in the order of their calls, removed.
    mutating func removeInFlight(sentBefore sent: UInt64) -> [Entry] {
        let inFlight = entries.values.filter(\.isInFlight).sorted { $0.id < $1.id }
        var line = RingBuffer<UInt64>()
        var left: [Entry] = []
        for var entry in inFlight {
            if let position = entry.position, position >= sent {
                entry.position = nil
                entry.wasReturned = true
                entries[entry.id] = entry
                heldCount += 1
                heldBytes += entry.arguments.count
                line.append(entry.id)
            } else {
                entries[entry.id] = nil
                left.append(entry)
            }
        }
        guard !line.isEmpty else { return left }
        while let id = held.popFirst() { line.append(id) }
        held = line
        return left
    }

    mutating func removeHeld() -> [Entry] { remove { !$0.isInFlight } }

    /// In the order of the calls.
    mutating func remove(where isChosen: (Entry) -> Bool) -> [Entry] {
        entries.values.filter(isChosen).sorted { $0.id < $1.id }.compactMap { remove($0.id) }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The feeds of a connection by event name (B86–B98).
///
/// Few names, many events: a name is found by comparing its bytes, without making a `String` of them.
struct SubscriptionTable: Sendable {
    private struct Row: Sendable {
        let name: String
        let bytes: ByteChunk
        var feeds: [EventFeed]
    }

    private var rows: [Row] = []
    /// Whether any feed holds up the socket when it is full.
    private(set) var holdsReading = false

    /// Names with at least one listener, in the order of their first subscription.
    var names: [String] { rows.map(\.name) }
    var feeds: [EventFeed] { rows.flatMap(\.feeds) }

    func contains(_ name: String) -> Bool { rows.contains { $0.name.hasSameBytes(as: name) } }

    mutating func add(_ feed: EventFeed) {
        if feed.holdsReading { holdsReading = true }
        if let index = rows.firstIndex(where: { $0.name.hasSameBytes(as: feed.name) }) {
            rows[index].feeds.append(feed)
        } else {
            rows.append(Row(name: feed.name, bytes: ByteChunk(feed.name.utf8), feeds: [feed]))
        }
    }

    mutating func remove(_ feed: EventFeed) {
        guard let index = rows.firstIndex(where: { $0.name.hasSameBytes(as: feed.name) }) else { return }
        rows[index].feeds.removeAll { $0 === feed }
        if rows[index].feeds.isEmpty { rows.remove(at: index) }
        if feed.holdsReading { holdsReading = feeds.contains { $0.holdsReading } }
    }

    /// The feeds that want an event of this name; none for one nobody listens to (B97).
    func feeds(of run: EventRun) -> [EventFeed] { rows.first { unsafe run.isOf($0.bytes.unsafeBytes) }?.feeds ?? [] }
}

/// The table that listeners change from anywhere and the lane reads for each event.
///
/// A listener is in the table when `add` returns; an event that the lane looks at later reaches it (B90, B91). The lane
/// keeps a copy and takes a new one only when the version has moved, so an event costs no lock.
final class Subscriptions: Sendable {
    private let table = Mutex(SubscriptionTable())
    private let version = Atomic<Int>(0)

    func change(_ body: (inout SubscriptionTable) -> Void) {
        table.withLock { table in
            body(&table)
            version.add(1, ordering: .releasing)
        }
    }

    var current: SubscriptionTable { table.withLock { $0 } }

    /// A lane's copy of the table.
    struct Copy {
        private(set) var table = SubscriptionTable()
        private var version = 0

        mutating func refresh(from book: Subscriptions) {
            guard book.version.load(ordering: .acquiring) != version else { return }
            (table, version) = book.table.withLock { ($0, book.version.load(ordering: .relaxed)) }
        }
    }
}

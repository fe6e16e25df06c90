// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The connections of a client that several use at a time, each found by what its users agree on.
///
/// Who leaves as the last says how long it stays; who comes until then takes it over.
final class SharedConnections: Sendable {
    private struct Entry: Sendable {
        let connection: any ClientMember
        var use = SharedUse()
        /// Comes at the end of `use`.
        var timer: DeadlineScheduler.ID?
    }

    private let entries = Mutex<[SharedConnectionKey: Entry]>([:])
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private let root: RootTask

    init(time: TimeSource, deadlines: DeadlineScheduler, root: RootTask) {
        (self.time, self.deadlines, self.root) = (time, deadlines, root)
    }

    /// One more user of the connection that is there, or of `made` where there is none; `leave` belongs to it.
    func join<Connection: ClientMember>(_ key: SharedConnectionKey, or made: Connection?) -> Connection? {
        let (connection, timer) = entries.withLock { entries in
            guard var entry = entries[key] ?? made.map({ Entry(connection: $0) }) else {
                return (nil as (any ClientMember)?, nil as DeadlineScheduler.ID?)
            }
            let timer = entry.timer.take()
            entry.use.joined()
            entries[key] = entry
            return (entry.connection, timer)
        }
        if let timer { deadlines.cancel(timer) }
        return connection as? Connection
    }

    /// One user less; true where the connection, whose last one it was, is to be closed at once.
    func leave(_ key: SharedConnectionKey, _ connection: any ClientMember, idle: Duration) -> Bool {
        let now = time.now
        return entries.withLock { entries in
            // Race: it has ended.
            guard var entry = entries[key], entry.connection === connection else { return false }
            entry.use.left(idle: idle, now: now)
            let isOver = entry.use.isOver(now: now)
            if !isOver, let deadline = entry.use.nextDeadline {
                entry.timer = deadlines.schedule(at: deadline) { [weak self] in self?.timePassed(key) }
            }
            entries[key] = isOver ? nil : entry
            return isOver
        }
    }

    /// The connection has ended: who comes next brings another one.
    func remove(_ key: SharedConnectionKey, _ connection: any ClientMember) {
        let timer = entries.withLock { entries in
            guard entries[key]?.connection === connection else { return nil as DeadlineScheduler.ID? }
            return entries.removeValue(forKey: key)?.timer
        }
        if let timer { deadlines.cancel(timer) }
    }

    private func timePassed(_ key: SharedConnectionKey) {
        let connection = entries.withLock { entries in
            // Race: taken over just before.
            guard let entry = entries[key], entry.use.isOver(now: time.now) else { return nil as (any ClientMember)? }
            entries[key] = nil
            return entry.connection
        }
        guard let connection else { return }
        root.add { await connection.disconnect(.connectionClosed) }
    }
}

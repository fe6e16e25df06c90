// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Carries out what a `ResyncStateMachine` decides, in its reader's task: nothing runs while nobody reads.
final class ResyncReader<Snapshot: Sendable, Event: Sendable> {
    private enum Outcome: Sendable {
        case loaded(Snapshot)
        case failed(any Error)
        /// The feed has ended, or the reader's task was cancelled.
        case interrupted
    }

    private var cursor: EventCursor
    private var machine: ResyncStateMachine<Snapshot>
    private let connection: any ResyncedConnection
    private let decode: @Sendable (EncodedValue) throws -> Event
    private let load: @Sendable () async throws -> Snapshot
    /// Whether a task is in `next`.
    private let isBusy = Atomic<Bool>(false)

    init(_ events: ResyncedEvents<Snapshot, Event>) {
        cursor = EventCursor(events.subscription.claim())
        connection = events.subscription.connection
        machine = ResyncStateMachine(policy: connection.reconnect)
        decode = events.decode
        load = events.load
    }

    func next() async throws -> StateChange<Snapshot, Event>? {
        guard !isBusy.exchange(true, ordering: .acquiring) else {
            throw RivetError.readTwice("another task is reading these changes")
        }
        defer { isBusy.store(false, ordering: .releasing) }
        while true {
            if Task.isCancelled { machine.left() }
            switch machine.nextAction() {
            case .awaitOpening:
                machine.opened(await connection.opened())
            case .load:
                await runLoad()
            case .pause(let wait, let reason):
                if let reason { cursor.feed.losses?.note(reason) }
                await pause(wait)
            case .awaitEnd:
                await cursor.feed.interruption(forGaps: false).wait()
                machine.receivedEnd(cursor.feed.failure)
            case .deliver(let snapshot):
                return .snapshot(snapshot)
            case .read:
                if let event = await read() { return .event(event) }
            case .end(let error):
                cursor.leave()
                if let error { throw error }
                return nil
            }
        }
    }

    private func read() async -> Event? {
        switch await cursor.next() {
        case .event(let value):
            do {
                let event = try decode(value)
                machine.receivedEvent()
                return event
            } catch {
                cursor.feed.losses?.note(.undecodable)
                machine.receivedUndecodable(random: connection.randomFraction())
            }
        case .gap:
            machine.receivedGap()
        case nil:
            machine.receivedEnd(cursor.takeFailure())
        }
        return nil
    }

    private func runLoad() async {
        machine.loadBegan(behind: cursor.beginLoad())
        let outcome = await outcomeOfLoad()
        let hasOverflowed = cursor.endLoad()
        switch outcome {
        case .loaded(let snapshot):
            machine.loaded(snapshot, hasOverflowed: hasOverflowed, random: connection.randomFraction())
        case .failed(let error):
            machine.loadFailed(error, phase: await connection.phase(), random: connection.randomFraction())
        case .interrupted:
            machine.receivedEnd(cursor.feed.failure)
        }
    }

    /// The load is the user's own code: whoever has to go does not wait for it (B284, B317).
    private func outcomeOfLoad() async -> Outcome {
        let feed = cursor.feed
        let ended = feed.interruption(forGaps: false)
        return await withTaskGroup(of: Outcome.self) { [load, gauge = connection.gauge] group in
            group.addTask {
                do {
                    return .loaded(
                        try await abandonable(gauge, abandoned: { feed.losses?.note(.loadAbandoned) }, load)
                    )
                } catch {
                    return .failed(error)
                }
            }
            group.addTask {
                await ended.wait()
                return .interrupted
            }
            defer { group.cancelAll() }
            return await group.next() ?? .interrupted
        }
    }

    private func pause(_ wait: Duration) async {
        let feed = cursor.feed
        let interruption = feed.interruption(forGaps: true)
        let until = connection.time.now.advanced(by: wait)
        await withTaskGroup { [time = connection.time] group in
            group.addTask { try? await time.sleep(until: until) }
            group.addTask { await interruption.wait() }
            await group.next()
            group.cancelAll()
        }
        if feed.isEnded { machine.receivedEnd(feed.failure) } else { machine.pauseEnded() }
    }
}

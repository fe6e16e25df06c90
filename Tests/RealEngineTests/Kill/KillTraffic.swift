// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// The calls of the kill test: over HTTP and over connections, all at the same time.
struct KillTraffic: Sendable {
    /// One who calls, one call after another.
    struct Caller: Sendable {
        let way: KillCall.Way
        let work: @Sendable (_ milliseconds: Int, _ tag: String, CallOptions) async throws -> Void
    }

    /// How many actors, each with one connection.
    static let count = 8
    /// How many calls one connection, or HTTP to one actor, has under way.
    private static let depth = 6

    let journal: KillJournal
    let connections: [ActorConnection<Untyped>]
    private let handles: [ActorHandle<Untyped>]
    /// When the last call's deadline is over, on the journal's clock.
    private let end: Duration
    private let pace = KillPace(perSecond: 140)
    private let isStopped = Flag()

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    init(_ client: RivetClient, run: String, journal: KillJournal, end: Duration) {
        self.journal = journal
        self.end = end
        handles = Self.handles(client, run: run)
        // A short cap: what is asked is what a lost connection says, not how patient it is.
        let options = ConnectOptions(reconnect: ReconnectPolicy(cap: .seconds(2)))
        connections = handles.map { $0.connect(options) }
    }

    private static func handles(_ client: RivetClient, run: String) -> [ActorHandle<Untyped>] {
        (0..<count).map { client.getOrCreate("slow", ActorKey([run, "\($0)"])) }
    }

    private var callers: [Caller] {
        let overHTTP = handles.enumerated().map { number, handle in
            Caller(way: .http(number)) { milliseconds, tag, options in
                let _: Int = try await handle.action("work", milliseconds, tag, options: options)
            }
        }
        let overConnections = connections.enumerated().map { number, connection in
            Caller(way: .connection(number)) { milliseconds, tag, options in
                let _: Int = try await connection.action("work", milliseconds, tag, options: options)
            }
        }
        return overHTTP + overConnections
    }

    /// Starts to call; each task calls until it is stopped or the time is over.
    func start() -> [Task<Void, Never>] {
        callers.flatMap { caller in
            (0..<Self.depth).map { _ in Task { try? await callUntilEnd(caller) } }
        }
    }

    /// No new calls; those under way go on.
    func stop() {
        isStopped.isSet.store(true, ordering: .relaxed)
    }

    private func callUntilEnd(_ caller: Caller) async throws {
        while true {
            try await pace.turn()
            // Some calls are to meet their deadline in an outage, others to live through it.
            let limit = min(.seconds([1, 1, 2, 5, 15].randomElement() ?? 3), end - journal.now)
            guard limit > .milliseconds(500), !isStopped.isSet.load(ordering: .relaxed) else { return }
            await call(caller, milliseconds: .random(in: 5...200), limit: limit)
        }
    }

    @discardableResult
    private func call(_ caller: Caller, milliseconds: Int, limit: Duration) async -> Bool {
        await journal.record(caller.way, limit: limit) { tag in
            try await caller.work(milliseconds, tag, CallOptions(timeout: limit))
        }
    }

    // MARK: In the end

    /// Calls everywhere once more, until there is an answer.
    ///
    /// An engine that was killed can take an actor for running where it is not, and then nobody reaches it: such a one is
    /// one that another client, which knows nothing of what was, does not reach either.
    ///
    /// - Returns: the ways over which no answer came though there was one for the other client, and the actors that were
    ///   lost by Rivet.
    func callOnceMore(other: RivetClient, run: String) async -> (silent: [KillCall.Way], lost: Set<Int>) {
        let others = Self.handles(other, run: run)
        return await withTaskGroup(of: (way: KillCall.Way, isLost: Bool)?.self) { group in
            for caller in callers {
                group.addTask {
                    if await isAnswered(caller, within: .seconds(45)) { return nil }
                    let actor = others[caller.way.actor]
                    let options = CallOptions(timeout: .seconds(15))
                    if (try? await actor.action("runs", "", as: Int.self, options: options)) == nil {
                        return (caller.way, true)
                    }
                    // It may have come back just now.
                    return await isAnswered(caller, within: .seconds(30)) ? nil : (caller.way, false)
                }
            }
            var (silent, lost): ([KillCall.Way], Set<Int>) = ([], [])
            for await case (let way, let isLost)? in group {
                if isLost { lost.insert(way.actor) } else { silent.append(way) }
            }
            return (silent, lost)
        }
    }

    private func isAnswered(_ caller: Caller, within time: Duration) async -> Bool {
        let end = journal.now + time
        while !Task.isCancelled, journal.now < end {
            if await call(caller, milliseconds: 5, limit: min(.seconds(15), end - journal.now)) { return true }
            try? await Task.sleep(for: .milliseconds(250))
        }
        return false
    }
}

extension KillCall.Way {
    fileprivate var actor: Int {
        switch self {
        case .http(let number), .connection(let number): number
        }
    }
}

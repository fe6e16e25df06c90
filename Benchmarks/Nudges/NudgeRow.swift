// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// One thing that may stall, done again and again by one client.
struct NudgeRow {
    enum Kind: String, CaseIterable {
        case action = "lone action"
        case actionWithEvent = "lone action with an event one listens to"
        case alternation = "the two in turn, for each"
        case initial = "way to Init"
        case firstAnswer = "first answer on a fresh connection"
    }

    /// What the actor is written with.
    enum Host: String, CaseIterable {
        case javaScript = "JavaScript"
        case rust = "Rust"

        var pool: String { self == .javaScript ? "default" : "rust" }
        var actor: String { self == .javaScript ? "counter" : "rustCounter" }
    }

    private struct Amount: Encodable {
        var amount: Int
    }

    private let kind: Kind
    private let host: Host
    private let actor: ActorHandle<Untyped>
    /// Kept for all tries, where it is not what is measured.
    private let connection: ActorConnection<Untyped>?
    /// Subscribed as long as it is kept; what it brings is dropped.
    private let events: NamedEventSequence<NoValue>?

    init(_ kind: Kind, _ host: Host, _ actor: ActorHandle<Untyped>) async throws {
        (self.kind, self.host, self.actor) = (kind, host, actor)
        switch kind {
        case .action, .actionWithEvent, .alternation:
            let connection = actor.connect()
            self.connection = connection
            events =
                kind == .action
                ? nil : connection.events(named: "newCount", as: NoValue.self, buffering: .bounded(1, .dropOldest))
            try await connection.waitUntilConnected()
        case .initial, .firstAnswer:
            (connection, events) = (nil, nil)
            _ = try await actor.action("get") as NoValue
        }
    }

    /// One try, in nanoseconds.
    func time() async throws -> UInt64 {
        let start = Clocks.now
        switch kind {
        case .action: try await get(connection)
        case .actionWithEvent: try await increment(connection)
        case .alternation:
            try await increment(connection)
            try await get(connection)
            return (Clocks.now - start) / 2
        case .initial, .firstAnswer:
            let fresh = actor.connect()
            try await fresh.waitUntilConnected()
            if kind == .firstAnswer { try await get(fresh) }
            let time = Clocks.now - start
            await fresh.disconnect()
            return time
        }
        return Clocks.now - start
    }

    func end() async { await connection?.disconnect() }

    private func get(_ connection: ActorConnection<Untyped>?) async throws {
        _ = try await connection?.action("get") as NoValue?
    }

    /// Causes the event.
    private func increment(_ connection: ActorConnection<Untyped>?) async throws {
        switch host {
        case .javaScript: _ = try await connection?.action("increment", 1) as NoValue?
        case .rust: _ = try await connection?.action("increment", Amount(amount: 1)) as NoValue?
        }
    }
}

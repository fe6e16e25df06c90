// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

/// Loads that a test counts, holds up and lets go: the first gives 1, the next one 2, and so on.
final class Loads: Sendable {
    private struct State {
        var began = 0
        var running = 0
        var mostRunning = 0
        var cancelled = 0
    }

    private let state = Mutex(State())
    private let gates = Gates()
    private let isHeld: Bool

    /// `isHeld`: each waits until it is let go, and does not hear its cancellation.
    init(isHeld: Bool = false) { self.isHeld = isHeld }

    var began: Int { state.withLock { $0.began } }
    var running: Int { state.withLock { $0.running } }
    var mostRunning: Int { state.withLock { $0.mostRunning } }
    var cancelled: Int { state.withLock { $0.cancelled } }

    func letGo(_ number: Int) { gates["\(number)"].set() }

    @Sendable func load() async throws -> Int {
        let number = state.withLock { state in
            state.began += 1
            state.running += 1
            state.mostRunning = max(state.mostRunning, state.running)
            return state.began
        }
        if isHeld {
            await withTaskCancellationHandler {
                await gates["\(number)"].waitUncancellably()
            } onCancel: {
                state.withLock { $0.cancelled += 1 }
            }
        }
        state.withLock { $0.running -= 1 }
        return number
    }
}

extension StateChange where Snapshot == Int, Event == Int {
    /// A snapshot is `s` and its number, an event the number alone.
    var text: String {
        switch self {
        case .snapshot(let number): "s\(number)"
        case .event(let number): "\(number)"
        }
    }
}

extension ResyncedEvents.AsyncIterator where Snapshot == Int, Event == Int {
    /// The next elements, so many, or `end` where there is none.
    mutating func names(_ count: Int) async throws -> [String] {
        var names: [String] = []
        for _ in 0..<count { names.append(try await next()?.text ?? "end") }
        return names
    }
}

extension LiteralConnection {
    typealias Resynced = ResyncedEvents<Int, Int>

    func resynced(
        _ buffering: EventBuffering,
        _ load: @escaping @Sendable () async throws -> Int
    ) -> Resynced {
        connection.events(named: "e", as: Int.self, buffering: buffering).resyncing(load)
    }

    func resynced(_ load: @escaping @Sendable () async throws -> Int) -> Resynced { resynced(.default, load) }

    /// Loads by an action of the connection itself.
    func resynced(_ buffering: EventBuffering = .default) -> Resynced {
        resynced(buffering) { [connection] in try await connection.action("get") }
    }

    /// Returns when what `socket` said before has reached the feeds.
    func untilHeard(after first: String? = nil, _ socket: Socket) async throws {
        if let first { #expect(try await socket.next() == first) }
        #expect(try await socket.isSilent())
        await connection.driver.lane.perform {}
    }

    func untilConnected(_ number: Int) async {
        for await status in connection.status where status.name == "connected \(number)" { break }
    }

    /// Closes `socket`, and opens the next one, which makes it the connection with this number.
    func lose(_ socket: Socket, _ number: Int) async throws -> Socket {
        socket.close(1_001)
        let next = try await open()
        await untilConnected(number)
        return next
    }
}

extension Diagnostic {
    /// What it says of the events that a listener did not get; nil where it is about something else.
    var kindOfLoss: String? {
        guard fields.contains(where: { $0.name == "event" }) else { return nil }
        return fields.first { $0.name == "kind" }?.value
    }
}

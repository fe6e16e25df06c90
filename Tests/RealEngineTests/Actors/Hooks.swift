// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Its hooks do what a connection's parameters wish.
enum Hooks: ActorDefinition {
    struct Parameters: Codable, Sendable {
        var refuse, refuseLate, label, event: String?
        /// In milliseconds.
        var slowBefore, slowConnect: Int?
    }

    struct Ping: ActorAction {
        typealias Target = Hooks
        typealias Output = String
    }
    struct Counts: ActorAction {
        typealias Target = Hooks
        typealias Output = Result
        struct Result: Codable, Sendable, Equatable {
            var connected, disconnected: Int
        }
    }
    struct Me: ActorAction {
        typealias Target = Hooks
        typealias Output = Result
        struct Result: Codable, Sendable {
            struct State: Codable, Sendable { var label: String? }
            var id: String?
            var state: State?
            /// Of the parameters as JSON.
            var paramsLength: Int
        }
    }
    struct Hello: ActorEvent, Equatable {
        typealias Source = Hooks
        static let argumentStyle = ArgumentStyle.positional
        var text: String
        var how: String
    }

    static func define(_ kind: inout ActorKind<Hooks, Counts.Result>) {
        kind.onBeforeConnect { connection, _ in
            guard let wish = wish(of: connection) else { return }
            if let slow = wish.slowBefore { try await Task.sleep(for: .milliseconds(slow)) }
            if let refuse = wish.refuse { _ = try Errors.fail(refuse) }
        }
        kind.createConnectionState { connection, _ in Me.Result.State(label: wish(of: connection)?.label) }
        kind.onConnect { connection, actor in
            actor.state.connected += 1
            let wish = wish(of: connection)
            if let text = wish?.event {
                await connection.send(Hello(text: text, how: "sent"))
                actor.broadcast(Hello(text: text, how: "broadcast"))
            }
            if let slow = wish?.slowConnect { try await Task.sleep(for: .milliseconds(slow)) }
            if let text = wish?.event { await connection.send(Hello(text: text, how: "late")) }
            if let refuse = wish?.refuseLate { _ = try Errors.fail(refuse) }
        }
        kind.onDisconnect { _, actor in actor.state.disconnected += 1 }
        kind.on(Ping.self) { _, _ in "pong" }
        kind.on(Counts.self) { _, actor in actor.state }
        kind.on(Me.self) { _, _, connection in
            Me.Result(
                id: connection.id,
                state: connection.state(as: Me.Result.State.self),
                paramsLength: length(try connection.parameters(as: RivetValue.self))
            )
        }
    }

    /// Parameters of another form wish for nothing.
    private static func wish(of connection: LocalConnection<Hooks>) -> Parameters? {
        try? connection.parameters(as: Parameters.self)
    }

    private static func length(_ parameters: RivetValue?) -> Int {
        switch parameters {
        case .integer(let number): "\(number)".count
        case .bool(let value): "\(value)".count
        case .string(let text): text.count + 2
        default: 4
        }
    }
}

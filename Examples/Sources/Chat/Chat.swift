// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import Foundation
import RivetAsync

/// A chat: what is typed goes out as actions, what others say comes in as events, through every loss of the connection.
@main
struct Chat: Example {
    static let summary = "a chat for several users, each in a terminal of their own"
    static let actors: [any ActorDefinition.Type] = [ChatRoom.self]
    static let options = [
        ExampleOption("--name", "NAME", "what others see; your user's name without it"),
        ExampleOption("--room", "ROOM", "where to talk; `lobby` without it"),
        ExampleOption("--engine", nil, "run only the engine, until Control-C; other terminals chat"),
        ExampleOption("--port", "N", "where the engine in this process listens; any free port without it"),
    ]
    static let timeLimit: Duration? = nil

    static func engine(_ options: Options) throws -> EngineSettings {
        EngineSettings(port: try options.port("--port"), isWanted: options["--engine"] != nil)
    }

    static func run(_ setup: Setup) async throws {
        let room = setup.options["--room"] ?? "lobby"
        if let endpoint = setup.localEndpoint {
            note("in another terminal: \(Invitation.command(endpoint: endpoint, room: room))")
        }
        if setup.options["--engine"] != nil {
            while true { try await Task.sleep(for: .seconds(60)) }  // Until it is interrupted.
        }

        var configuration = setup.configuration
        configuration.reconnect = .interactive  // Without an end: who sits there says when.
        try await withRivetClient(configuration) { client in
            let visitor = Visitor(name: setup.options["--name"] ?? NSUserName())
            let handle = client.getOrCreate(ChatRoom.self, setup.key(room), .init(parameters: .fixed(visitor)))
            try await handle.withConnection { connection in
                let screen = Screen()
                let happenings = connection.events(of: Happening.self).deliveries
                try await withThrowingTaskGroup { group in
                    group.addTask { try await listen(to: happenings, screen) }
                    group.addTask { await watch(connection.status, "\(visitor.name) in \(room)", screen) }
                    group.addTask {
                        try await speak(to: connection, screen)
                        await connection.disconnect()  // Which ends the other two, behind what had arrived.
                    }
                    try await group.waitForAll()
                }
                screen.end("left")
            }
        }
    }

    private static func listen(to happenings: EventDeliveries<Happening>, _ screen: Screen) async throws {
        for try await delivery in happenings {
            switch delivery {
            case .event(let happening):
                switch happening.kind {
                case .said: screen.show("\(happening.name): \(happening.text ?? "")")
                case .joined:
                    let present = happening.present.map { ", here: \($0.joined(separator: ", "))" } ?? ""
                    screen.show("* \(happening.name) joined\(present)")
                case .left: screen.show("* \(happening.name) left")
                }
            case .gap(.reconnected): screen.show("* the connection was lost: what was said meanwhile is missing here")
            case .gap(.overflowed(let dropped)): screen.show("* too fast: \(dropped) lines are missing here")
            case .gap(let gap): screen.show("* something is missing here: \(gap)")
            }
        }
    }

    private static func watch(_ statuses: ConnectionStatusSequence, _ place: String, _ screen: Screen) async {
        var wasConnected = false
        for await status in statuses {
            switch status {
            case .connecting where !wasConnected: screen.show(status: "connecting")
            // The library holds what is sent meanwhile, and sends it once.
            case .connecting(let attempt): screen.show(status: "reconnecting, attempt \(attempt); what you type waits")
            case .waiting(let retry):
                screen.show(status: "reconnecting, attempt \(retry.attempt); what you type waits")
            case .connected:
                wasConnected = true
                screen.show(status: "connected, \(place)")
            default: break  // The end is told behind everything else.
            }
        }
    }

    /// Sends line by line, so that they arrive in the order in which they were typed.
    private static func speak(to connection: ActorConnection<ChatRoom>, _ screen: Screen) async throws {
        for await line in StandardInput.lines {
            screen.lineWasTyped()
            do {
                if !line.isEmpty { try await connection.send(Say(text: line)) }
            } catch let error as RivetError {
                // Nothing goes out twice by itself: who typed it knows better whether that would be harmless.
                if let tooLong = error.failure(as: LineTooLong.self) {
                    screen.show("! not said, more than \(tooLong.most) characters: \(line.prefix(20))…")
                } else if error.execution == .notSent {
                    screen.show("! not said (\(error.code.name)), type it again: \(line)")
                } else {
                    screen.show("! nobody knows whether this arrived (\(error.code.name)): \(line)")
                }
            }
        }
    }
}

/// How others come into the room.
private enum Invitation {
    /// Works from any folder.
    static func command(endpoint: String, room: String) -> String {
        let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
        return "RIVET_ENDPOINT=\(endpoint) \(quoted(program)) --name guest --room \(quoted(room))"
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0)) }
        return isPlain && !text.isEmpty ? text : "'\(text.replacing("'", with: "'\\''"))'"
    }
}

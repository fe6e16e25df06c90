// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// A page in a browser that shows an actor's state and stays right: a small web server between the two.
@main
struct LivePage: Example {
    static let summary = "serves a page whose number is an actor's, until Return is pressed"
    static let actors: [any ActorDefinition.Type] = [Counter.self]
    static let options = [ExampleOption("--port", "N", "where the page is served; any free port without it")]
    static let timeLimit: Duration? = nil

    static func run(_ setup: Setup) async throws {
        var configuration = setup.configuration
        configuration.reconnect = .interactive  // Without an end: who looks at the page says when.
        try await withRivetClient(configuration) { client in
            let counter = client.getOrCreate(Counter.self, setup.key("live-page"))
            try await counter.withConnection { connection in
                // Whether the actor is there shows now and not with the first page.
                print("it is \(try await connection.send(Get()))")
                try await HTTPListener.serve(port: try setup.options.port("--port")) { request in
                    switch (request.method, request.path) {
                    case ("GET", "/"): .init(200, Page.html, type: "text/html; charset=utf-8")
                    case ("GET", "/events"):
                        .init(type: "text/event-stream") { try await follow(connection, $0) }
                    case ("POST", "/increment"): await increment(connection)
                    default: .init(404, "nothing here")
                    }
                } while: { listener in
                    note("http://127.0.0.1:\(listener.port) has the page; Return ends it")
                    await StandardInput.nextLine()
                }  // The pages' streams have ended here, then the connection closes, then the client.
            }
        }
    }

    /// Tells one page how the connection is and what the number is, until either side goes.
    private static func follow(_ connection: ActorConnection<Counter>, _ write: HTTPListener.Writer) async throws {
        // Each page has a subscription of its own on the one connection.
        let counts = connection.events(of: NewCount.self)
        try await withThrowingTaskGroup { group in
            group.addTask {
                for await status in connection.status { try await write(Page.event("status", text(of: status))) }
            }
            group.addTask {
                // Where events may be missing the number is read again.
                for try await change in counts.resyncing({ try await connection.send(Get()) }) {
                    switch change {
                    case .snapshot(let count): try await write(Page.event("snapshot", "\(count)"))
                    case .event(let event): try await write(Page.event("count", "\(event.count)"))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func increment(_ connection: ActorConnection<Counter>) async -> HTTPListener.Response {
        do {
            // Whoever presses a button waits a moment and not longer.
            return .init(200, "\(try await connection.send(Increment(amount: 1), CallOptions(timeout: .seconds(5))))")
        } catch let error as RivetError where error.execution == .notSent {
            return .init(503, "the actor is out of reach; nothing was counted")
        } catch {
            return .init(502, "the connection was lost; it may have been counted")
        }
    }

    private static func text(of status: ConnectionStatus) -> String {
        switch status {
        case .connected: "connected"
        case .connecting(let attempt): "connecting, attempt \(attempt)"
        case .waiting(let retry): "connection lost, attempt \(retry.attempt) follows"
        case .closed: "closed"
        default: "\(status)"
        }
    }
}

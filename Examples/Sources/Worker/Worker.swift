// SPDX-License-Identifier: Apache-2.0
import Dispatch
import ExampleSupport
import Foundation
import RivetAsync

/// A worker whose orchestrator ends it by SIGTERM: it takes no new work, finishes what runs, and closes in order.
@main
struct Worker: Example {
    static let summary = "gets SIGTERM in the middle of its work, over HTTP and on a connection, and ends in order"
    static let actors: [any ActorDefinition.Type] = [Slow.self]

    static func run(_ setup: Setup) async throws {
        let client = RivetClient(setup.configuration)
        let termination = Termination {
            print("SIGTERM: no new work")
            client.beginGracefulShutdown()
        }
        defer { termination.stop() }

        let slow = client.getOrCreate(Slow.self, setup.key("worker"))
        let connection = slow.connect()
        try await connection.waitUntilConnected()
        print("working")
        async let overHTTP = slow.send(Work(milliseconds: 1_000, tag: "http"))
        async let onConnection = connection.send(Work(milliseconds: 1_000, tag: "connection"))
        try await Task.sleep(for: .milliseconds(300))  // Both have begun.

        kill(getpid(), SIGTERM)  // As `docker stop` does, and Kubernetes.
        await termination.wait()
        do {
            try await slow.send(Work(milliseconds: 0, tag: "late"))
        } catch RivetError.Code.clientClosed {
            print("refused: the client is closed")
        }
        // Calls that run have 5 s, which is why both still answer.
        print("finished over HTTP:", try await overHTTP)
        print("finished on the connection:", try await onConnection)

        // Then connections close with 1000, and this returns.
        try await client.runConnections()
        if case .closed(.requested) = connection.status.current { print("all is closed") }
    }
}

/// Runs a closure when SIGTERM comes, instead of ending the process.
private final class Termination {
    private let source: any DispatchSourceSignal
    private let signals: AsyncStream<Void>

    init(_ body: @escaping @Sendable () -> Void) {
        signal(SIGTERM, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
        self.signals = signals
        source.setEventHandler {
            body()
            continuation.yield()
        }
        source.activate()
    }

    /// Returns when the signal has come and the closure has run.
    func wait() async { for await _ in signals { return } }

    func stop() { source.cancel() }
}

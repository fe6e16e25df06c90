// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A web server just big enough for an example: heads without bodies, one request for each connection.
package struct HTTPListener: Sendable {
    package struct Request: Sendable {
        package let method: String
        package let path: String
    }

    package struct Response: Sendable {
        fileprivate enum Body: Sendable {
            case text(String)
            case pieces(@Sendable (Writer) async throws -> Void)
        }

        let status: Int
        let type: String
        fileprivate let body: Body

        package init(_ status: Int, _ text: String, type: String = "text/plain; charset=utf-8") {
            (self.status, self.type, body) = (status, type, .text(text))
        }

        /// An answer that is sent while `write` makes it; an error of `write`, or the client's leaving, ends it.
        package init(type: String, _ write: @escaping @Sendable (Writer) async throws -> Void) {
            (status, self.type, body) = (200, type, .pieces(write))
        }
    }

    /// Where the pieces of an answer go, from any task, one behind another.
    package struct Writer: Sendable {
        fileprivate let socket: Socket
        private let queue = DispatchQueue(label: "answer")

        /// Waits while the client is slow; throws when it has gone.
        package func callAsFunction(_ text: String) async throws {
            try await blocking(on: queue) { try socket.write(text) }
        }
    }

    private let socket: Socket

    package var port: UInt16 { socket.port }

    /// Listens on 127.0.0.1 while `body` runs; each request is answered in a task of its own.
    ///
    /// Answers that are not whole when `body` has ended are cancelled, and their sockets closed, before this returns.
    package static func serve<R>(
        port: UInt16 = 0,
        _ answer: @escaping @Sendable (Request) async -> Response,
        while body: (HTTPListener) async throws -> R
    ) async throws -> R {
        let socket = try Socket.listening(port: port)
        let (clients, continuation) = AsyncStream.makeStream(of: Socket.self)
        // A thread, since it spends its time in calls that block.
        Thread.detachNewThread {
            while let client = try? socket.accepted() { continuation.yield(client) }
            continuation.finish()
            socket.close()
        }
        async let _ = respond(to: clients, answer)
        defer { socket.shutDown() }
        return try await body(HTTPListener(socket: socket))
    }

    private static func respond(
        to clients: AsyncStream<Socket>,
        _ answer: @escaping @Sendable (Request) async -> Response
    ) async {
        await withDiscardingTaskGroup { group in
            for await client in clients {
                group.addTask {
                    await withTaskCancellationHandler {
                        try? await respond(to: client, answer)  // It fails where the client has gone.
                    } onCancel: {
                        client.shutDown()
                    }
                    client.close()
                }
            }
            group.cancelAll()
        }
    }

    private static func respond(to client: Socket, _ answer: (Request) async -> Response) async throws {
        let words = try await blocking { try client.read(until: "\r\n\r\n") }.split(separator: " ", maxSplits: 2)
        guard words.count == 3 else { return }
        let response = await answer(Request(method: String(words[0]), path: String(words[1])))
        let head = """
            HTTP/1.1 \(response.status)\r
            content-type: \(response.type)\r
            cache-control: no-store\r
            connection: close\r

            """
        let write = Writer(socket: client)
        switch response.body {
        case .text(let text):
            try await write("\(head)content-length: \(text.utf8.count)\r\n\r\n\(text)")
        case .pieces(let produce):
            try await write("\(head)\r\n")
            try await produce(write)
        }
    }

    /// What a client would do: sends a request over a socket and returns the answer's status and text.
    package func request(_ method: String, _ path: String) async throws -> String {
        let port = port
        return try await blocking { try exchange("\(method) \(path) HTTP/1.1", port) }
    }
}

/// Runs what blocks where it holds up no task.
private func blocking<R: Sendable>(
    on queue: DispatchQueue = .global(),
    _ work: @escaping @Sendable () throws -> R
) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: Result(catching: work)) }
    }
}

private func exchange(_ line: String, _ port: UInt16) throws(SocketError) -> String {
    let socket = try Socket.connected(to: port)
    defer { socket.close() }
    try socket.write("\(line)\r\nhost: 127.0.0.1\r\n\r\n")
    let answer = try socket.read()
    let status = answer.split(separator: " ", maxSplits: 2).dropFirst().first?.prefix(3) ?? ""
    let text = answer.range(of: "\r\n\r\n").map { answer[$0.upperBound...] } ?? ""
    return "\(status) \(text)"
}

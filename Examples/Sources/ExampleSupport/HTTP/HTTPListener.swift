// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A web server just big enough for an example: heads without bodies, one request for each connection.
package struct HTTPListener: Sendable {
    package struct Request: Sendable {
        package let method: String
        package let path: String
    }

    package struct Response: Sendable {
        let status: Int
        let text: String

        package init(_ status: Int, _ text: String) {
            (self.status, self.text) = (status, text)
        }
    }

    private let socket: Socket

    /// Listens on a free port; each request is answered in a task of its own.
    package static func start(_ answer: @escaping @Sendable (Request) async -> Response) throws -> HTTPListener {
        let listener = HTTPListener(socket: try .listening())
        // A thread, since it spends its time in calls that block.
        Thread.detachNewThread {
            while let client = try? listener.socket.accepted() { serve(client, answer) }
            listener.socket.close()
        }
        return listener
    }

    private static func serve(_ client: Socket, _ answer: @escaping @Sendable (Request) async -> Response) {
        let words = (try? client.read(until: "\r\n\r\n"))?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count == 3 else { return client.close() }
        let request = Request(method: String(words[0]), path: String(words[1]))
        Task {
            let response = await answer(request)
            try? client.write(
                """
                HTTP/1.1 \(response.status)\r
                content-type: text/plain\r
                content-length: \(response.text.utf8.count)\r
                connection: close\r
                \r
                \(response.text)
                """
            )
            client.close()
        }
    }

    /// What a client would do: sends a request over a socket and returns the answer's status and text.
    package func request(_ method: String, _ path: String) async throws -> String {
        let port = socket.port
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try exchange("\(method) \(path) HTTP/1.1", port) })
            }
        }
    }

    package func stop() { socket.shutDown() }
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

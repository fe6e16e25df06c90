// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// A server that ends without `close_notify`: what it sent may be cut short, so it is never a whole answer.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct TLSTruncationTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var answer: String
        /// How many whole messages come before the error.
        var messages = 0
        var testDescription: String { name }
    }

    private static let bodies = [
        // Over plain TCP this one would be whole.
        Row(name: "a body that ends with the connection", answer: "Connection: close\r\n\r\nnot all of it"),
        Row(name: "a body shorter than its length", answer: "Content-Length: 20\r\n\r\nnot all of it"),
        Row(name: "a chunked body without its end", answer: "Transfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n"),
    ]
    private static let messages = [
        Row(name: "in a message", answer: "\u{81}\u{0B}not all"),
        Row(name: "in a fragmented message", answer: "\u{01}\u{07}not all"),
        Row(name: "behind a message", answer: "\u{81}\u{03}all", messages: 1),
    ]

    private static let servers = Task {
        let versions = bodies.map { row in
            PythonTLSServers.Server(name: row.name, mode: "truncate", answer: "HTTP/1.1 200 OK\r\n" + row.answer)
        }
        let sockets = messages.map { PythonTLSServers.Server(name: $0.name, mode: "truncate", answer: $0.answer) }
        return try PythonTLSServers(versions + sockets, try await TestCertificates.shared())
    }

    @Test(arguments: bodies)
    func aTruncatedBodyIsAnError(_ row: Row) async throws {
        let port = try await Self.servers.value.port(row.name)
        let options = try await TestCertificates.shared().options(for: "server.test")
        let dialer = TLSDialer(over: SocketDialer(), options: options)
        let pool = HTTPPool(dialer)
        let failure = await #expect(throws: HTTPCallError.self) {
            let response = try await pool.pool.execute(HTTPRequestHead(target: "/"), to: pool.origin(port))
            _ = try await response.body.collect(upTo: 100)
        }
        #expect(failure?.error as? TransportError == .tls(.truncated))
        #expect(failure?.answerBegun == true)
        #expect(await pool.close() == .zero)
    }

    @Test(arguments: messages)
    func aTruncatedMessageIsAnError(_ row: Row) async throws {
        let client = TLSClient(try await TestCertificates.shared().options(for: "server.test"))
        let stream = try await client.dial(port: try await Self.servers.value.port(row.name))
        let time = TimeSource(TestClock())
        let channel = WebSocketChannel(lane: client.lane, maskingKeys: nil)
        await client.lane.perform {
            let connection = WebSocketConnection(
                stream: stream,
                handler: channel,
                configuration: .init(role: .client),
                maskingKeys: WebSocketMaskingKeys(fill: RandomSource.kernel.stream()),
                time: time,
                deadlines: DeadlineScheduler(time: time)
            )
            channel.attach(connection)
            connection.start()
            connection.ping(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        let (messages, error) = await channel.readAll()
        #expect(messages == [WebSocketMessage](repeating: .text("all"), count: row.messages))
        #expect(error as? WebSocketError == .ended(.failed(.tls(.truncated))))
        channel.abort()
        #expect(await client.descriptorsAfterShutDown() == 0)
    }
}

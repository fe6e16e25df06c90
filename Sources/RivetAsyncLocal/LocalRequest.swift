// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

/// A plain HTTP request to an actor.
public struct LocalRequest: Sendable {
    /// Any method but OPTIONS, which the gateway answers itself.
    public let method: String
    /// Path and query behind `/request`, as the client wrote them; the root is `/`.
    public let path: String
    /// Every field that was sent, and the answer's `x-rivet-ray-id`.
    public let fields: HTTPFields
    /// The whole body; empty where bodies stream: then it is read from ``chunks``.
    public let body: [UInt8]
    /// The body piece by piece: as it arrives where bodies stream (``LocalEngine/Limits/streamsBodies``), otherwise all
    /// of it at once.
    public let chunks: LocalBody

    init(method: String, path: String, fields: HTTPFields, body: [UInt8], arriving: HTTPBody?) {
        (self.method, self.path, self.fields, self.body) = (method, path, fields, body)
        chunks = LocalBody(content: arriving.map { .arriving($0) } ?? .whole(ByteChunk(body)))
    }

    /// The whole body as a JSON value, read as `ActorResponse.decodeJSON(_:upTo:)` reads an answer.
    ///
    /// - Parameters:
    ///   - type: what to decode.
    ///   - maxBytes: how much is read at the most; 20 MiB by default.
    /// - Returns: the value.
    /// - Throws: `RivetError` with `RivetError.Code.decodingFailed`, or what ``LocalBody/collect(upTo:)`` throws.
    public func decodeJSON<T: Decodable>(_ type: T.Type = T.self, upTo maxBytes: Int = 20 << 20) async throws -> T {
        let bytes = ByteChunk(try await chunks.collect(upTo: maxBytes))
        return try bytes.decodeJSON(type, of: "the request's body (\(bytes.count) bytes)")
    }
}

/// An actor's answer to a plain HTTP request.
public struct LocalResponse: Sendable {
    /// The status code, from 200 to 599.
    public var status: Int
    /// The fields; the length of the body is added.
    public var fields: HTTPFields
    /// The whole body; empty for one that is made from chunks.
    public var body: [UInt8]
    let producer: MadeBody.Producer?

    /// An answer.
    public init(status: Int = 200, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
        producer = nil
    }

    /// An answer whose body is made piece by piece.
    ///
    /// Where bodies stream (``LocalEngine/Limits/streamsBodies``) each piece is sent as it is made, and the sequence is
    /// asked for the next one while less than 64 KiB wait for the client. It is read in a task of its own, which is
    /// cancelled when the client goes or the actor ends; a sequence that throws ends the connection in the middle of the
    /// body. The actor is awake until the body has ended. Otherwise the answer is sent when the sequence has ended, within
    /// the action time-out and ``LocalEngine/Limits/maxCollectedAnswer``; one that throws is an error as if the handler had thrown it.
    ///
    /// - Parameters:
    ///   - status: the status code, from 200 to 599.
    ///   - fields: the fields; what frames the body is added.
    ///   - chunks: the pieces in their order; read once. Empty ones are left out.
    public init<Chunks: AsyncSequence & Sendable>(status: Int = 200, fields: HTTPFields = [:], chunks: Chunks)
    where Chunks.Element == ByteChunk {
        self.status = status
        self.fields = fields
        body = []
        producer = { write in
            for try await chunk in chunks { try await write(chunk) }
        }
    }

    /// An answer with `value` as JSON, status 200; written as `RequestBody.json(_:)` does.
    ///
    /// - Throws: what the encoding of `value` throws.
    public static func json(_ value: some Encodable & Sendable) throws -> Self {
        Self(fields: ["content-type": "application/json"], body: Array(try ValueFormat.plainJSON.encode(value)))
    }
}

/// A plain WebSocket to an actor.
public struct LocalWebSocket: Sendable {
    /// Path and query as the client wrote them, `/websocket` included.
    public let path: String
    /// The fields of the client's request; it lists the subprotocols that it offered.
    public let fields: HTTPFields
    let channel: WebSocketChannel

    /// What the client sends, in order; ends with nil when it is closed and throws when it was lost, and with
    /// `RivetError.Code.invalidArgument` to whoever reads while another task waits.
    public var messages: WebSocketMessages { channel.messages }

    /// Sends a message; waits only while more than 64 KiB are pending.
    ///
    /// - Throws: when the socket is closed, or `CancellationError`.
    public func send(_ message: WebSocketMessage) async throws { try await channel.send(message) }

    /// Closes the socket and returns when that is done, after a few seconds at the latest.
    public func close(_ code: WebSocketCloseCode = .normalClosure, reason: String = "") async {
        await channel.close(WebSocketClosing(code, reason: reason))
    }
}

// SPDX-License-Identifier: Apache-2.0

/// A raw HTTP request to an actor's own handler.
public struct ActorRequest: Sendable {
    /// Any method that is a token, but `CONNECT`; `OPTIONS` is answered by the gateway and never reaches the actor.
    ///
    /// `GET` by default.
    public var method: String
    /// Path and query, with or without a leading slash.
    ///
    /// A path with `//`, a part `.` or `..` (or so escaped), or a query parameter that starts with `rvt-` is
    /// ``RivetError/Code/invalidArgument``: no gateway URL carries it. Characters that no URI has leave
    /// percent-encoded, a fragment not at all; the rest stays as it is.
    public var path: String
    /// Fields, under the same rules as ``CallOptions/fields``.
    ///
    /// Of repeated ones only the last reaches the actor.
    public var fields: HTTPFields
    /// What follows the head; the gateway takes at most 20 MiB.
    public var body: RequestBody

    /// Fields of a special kind of request, where neither ``fields`` nor ``CallOptions/fields`` has them.
    var defaultFields: HTTPFields = [:]

    /// A request for server-sent events, to be read with ``ActorResponse/serverSentEvents``.
    ///
    /// It leaves with `Accept: text/event-stream` and `Cache-Control: no-store`, unless it, or the call, has such a field
    /// of its own.
    ///
    /// - Parameters:
    ///   - path: as in ``path``.
    ///   - method: `GET` by default.
    ///   - fields: as in ``fields``.
    ///   - body: none by default.
    ///   - lastEventID: where the actor should go on, from ``ServerSentEvents/lastEventID``; sent as `Last-Event-ID`,
    ///     not at all where it is nil, the default. No field can carry more than printable ASCII: another one is
    ///     ``RivetError/Code/invalidArgument`` when the request is sent.
    /// - Returns: the request.
    public static func serverSentEvents(
        _ path: String,
        method: String = "GET",
        fields: HTTPFields = [:],
        body: RequestBody = .none,
        lastEventID: String? = nil
    ) -> Self {
        var request = Self(path, method: method, fields: fields, body: body)
        if let lastEventID { request.fields["Last-Event-ID"] = lastEventID }
        request.defaultFields = ["Accept": "text/event-stream", "Cache-Control": "no-store"]
        return request
    }

    /// Makes a request.
    public init(_ path: String, method: String = "GET", fields: HTTPFields = [:], body: RequestBody = .none) {
        self.method = method
        self.path = path
        self.fields = fields
        self.body = body
    }

    /// For diagnostics: a query may hold anything.
    var pathWithoutQuery: String { String(path.prefix { $0 != "?" && $0 != "#" }) }
}

/// The content of a raw request.
public struct RequestBody: Sendable {
    let content: HTTPRequestBody
    /// Sent where the request has no `Content-Type` of its own.
    let contentType: String?

    /// No content.
    public static var none: Self { Self(content: .none, contentType: nil) }

    /// Bytes.
    public static func bytes(_ bytes: some Sequence<UInt8>) -> Self {
        Self(content: .bytes(ByteChunk(bytes)), contentType: nil)
    }

    /// A value as JSON, with its `Content-Type`.
    ///
    /// The JSON is your own, not Rivet's: texts that begin with `$` have no meaning in it. As with Foundation's
    /// `JSONEncoder`, integers have all their digits, `[UInt8]` and ``ByteChunk`` are arrays of numbers, `Data` is Base64
    /// text, and NaN and the infinities are refused. Other than there, a `Date` is text, as JavaScript writes it:
    /// `2025-08-06T20:37:26.123Z`.
    ///
    /// - Throws: ``RivetError`` with ``RivetError/Code/encodingFailed``, also for a value of more than 128 arrays and
    ///   maps in one another.
    public static func json(_ value: some Encodable & Sendable) throws -> Self {
        do {
            return Self(content: .bytes(try ValueFormat.plainJSON.encode(value)), contentType: "application/json")
        } catch {
            throw RivetError(
                .encodingFailed,
                "the body could not be encoded: \(error)",
                fault: .caller,
                underlying: error
            )
        }
    }

    /// Chunks as they come, each sent at once, and asked for only while less than 64 KiB wait to be sent.
    ///
    /// Read once, so the request is never repeated. The answer may begin before the last chunk, and is returned then; the
    /// rest is sent while it goes on. When it ends, is dropped or fails first, the task that reads the chunks is cancelled
    /// and the connection closed.
    ///
    /// - Parameters:
    ///   - chunks: what is sent; an error of theirs ends the request with ``RivetError/Code/invalidArgument``, whose
    ///     ``RivetError/underlying`` it is, and closes the connection.
    ///   - length: how many bytes they come to, zero or more; nil, the default, sends them chunked. Fewer or more end the
    ///     request with ``RivetError/Code/invalidArgument``, and close the connection.
    /// - Returns: the body.
    public static func stream<S: AsyncSequence & Sendable>(_ chunks: S, length: Int? = nil) -> Self
    where S.Element == ByteChunk {
        Self(content: .stream(chunks, length: length), contentType: nil)
    }
}

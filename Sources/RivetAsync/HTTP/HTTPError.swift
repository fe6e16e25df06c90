// SPDX-License-Identifier: Apache-2.0

/// What was wrong with an HTTP message; never holds a target, value or body, which may be secrets.
package enum HTTPError: Error, Sendable, Equatable {
    /// The part of a message that could not be read; offsets count from the start of the message.
    package enum Part: String, Sendable {
        case statusLine = "status line"
        case requestLine = "request line"
        case lineEnding = "line ending"
        case fieldName = "field name"
        case fieldValue = "field value"
        case foldedField = "field line that begins with a blank"
        case contentLength = "Content-Length"
        case transferEncoding = "Transfer-Encoding"
        case chunkSize = "chunk size"
        case chunkExtension = "chunk extension"
        case chunkEnd = "end of a chunk"
    }

    /// A stretch of a message with a limit of its own.
    package enum Section: String, Sendable {
        case head, body, trailers
        case chunkLine = "chunk line"
        case eventLine = "line of server-sent events"
        case event = "server-sent event"
    }

    // Ours: the message was refused before a byte of it was written.

    /// Not a token, or CONNECT, which makes a tunnel and no exchange.
    case invalidMethod
    /// Not `/…` or `*` in visible ASCII without `#`.
    case invalidTarget(offset: Int)
    case invalidStatus(Int)
    case invalidReason(offset: Int)
    case invalidFieldName(index: Int)
    case invalidFieldValue(name: String, offset: Int)
    /// A field that says how long the body is, and says something else than the body (RFC 9112 §6).
    case framingField(name: String)
    /// The body had another length than was announced. Thrown within a message that has begun.
    case bodyLength(announced: Int, actual: Int)

    /// Nothing of a body arrived for so long, while somebody waited for it.
    case bodySilent(for: Duration)
    /// A body has one reader, and another task was reading it.
    case bodyHasReader
    /// A body was given up by whoever read it before, or had it to read: what was there of it is dropped.
    case bodyAbandoned
    /// The client was closed.
    case poolClosed
    /// The deadline came while all connections that a call may have were in use.
    case connectionsInUse(limit: Int, host: String)

    // Either side.

    /// There must be exactly one Host field (RFC 9112 §3.2).
    case hostFields(count: Int)

    // The peer's.

    case malformed(Part, offset: Int)
    /// Neither HTTP/1.0 nor HTTP/1.1.
    case unsupportedVersion(offset: Int)
    /// Both Content-Length and Transfer-Encoding (RFC 9112 §6.3: a sign of request smuggling).
    case bothLengths
    case conflictingLengths(Int, Int)
    /// A transfer coding other than `chunked`, which we never offer, or `chunked` not last.
    case unsupportedTransferCoding
    /// `actual` is nil where the peer did not announce a size.
    case tooLarge(Section, limit: Int, actual: Int?)
    /// The connection ended within a message.
    case truncated(Section, received: Int, expected: Int?)
    /// Bytes that no request asked for.
    case unexpectedBytes(count: Int)
    /// 101 where no upgrade was asked for.
    case unexpectedUpgrade
    /// A record of TLS where an answer should be (RFC 8446 §5.1): plain HTTP was sent to a port for `https`.
    case answeredInTLS

    /// Whether the peer broke the protocol, rather than our caller.
    package var isPeersFault: Bool {
        switch self {
        case .invalidMethod, .invalidTarget, .invalidStatus, .invalidReason, .invalidFieldName, .invalidFieldValue,
            .framingField, .bodyLength, .bodyHasReader, .bodyAbandoned, .bodySilent, .poolClosed,
            .connectionsInUse, .hostFields:
            false
        case .malformed, .unsupportedVersion, .bothLengths, .conflictingLengths, .unsupportedTransferCoding, .tooLarge,
            .truncated, .unexpectedBytes, .unexpectedUpgrade, .answeredInTLS:
            true
        }
    }
}

extension HTTPError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidMethod: "the HTTP method is not a token, or is CONNECT"
        case .invalidTarget(let offset): "the request target has a character that cannot be sent at byte \(offset)"
        case .invalidStatus(let status): "\(status) is not an HTTP status"
        case .invalidReason(let offset): "the reason phrase has a character that cannot be sent at byte \(offset)"
        case .invalidFieldName(let index): "the name of HTTP field \(index) is not a token"
        case .invalidFieldValue(let name, let offset):
            "the value of HTTP field \(name) has a character that cannot be sent at byte \(offset)"
        case .framingField(let name): "the HTTP field \(name) contradicts the body, whose length is written for you"
        case .bodyLength(let announced, let actual): "the body was announced with \(announced) bytes and has \(actual)"
        case .bodyHasReader: "the body of the HTTP response is being read by another task"
        case .bodyAbandoned: "the body of the HTTP response was given up before its end"
        case .bodySilent(let time): "nothing of it arrived for \(time)"
        case .poolClosed: "the client was closed"
        case .connectionsInUse(let limit, let host): "waiting for one of \(limit) connections to \(host)"
        case .hostFields(let count): "an HTTP request needs one Host field and has \(count)"
        case .malformed(let part, let offset): "malformed HTTP message: \(part.rawValue) at byte \(offset)"
        case .unsupportedVersion(let offset): "the peer speaks another version than HTTP/1.1 (byte \(offset))"
        case .bothLengths: "the HTTP message has both Content-Length and Transfer-Encoding"
        case .conflictingLengths(let first, let second): "the HTTP message has two lengths, \(first) and \(second)"
        case .unsupportedTransferCoding: "the HTTP message has a transfer coding other than chunked"
        case .tooLarge(let section, let limit, let actual?):
            "the \(section.rawValue) of the HTTP message has \(actual) bytes, more than \(limit)"
        case .tooLarge(let section, let limit, nil):
            "the \(section.rawValue) of the HTTP message has more than \(limit) bytes"
        case .truncated(let section, let received, let expected?):
            "the connection ended in the \(section.rawValue) of an HTTP message, after \(received) of \(expected) bytes"
        case .truncated(let section, let received, nil):
            "the connection ended in the \(section.rawValue) of an HTTP message, after \(received) bytes"
        case .unexpectedBytes(let count): "the peer sent \(count) bytes that no request asked for"
        case .answeredInTLS:
            "the server speaks TLS at this port: the address must begin with https, or the port is wrong"
        case .unexpectedUpgrade: "the peer switched protocols (101) without being asked"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// What follows a request's head.
package struct HTTPRequestBody: Sendable {
    enum Content: Sendable {
        case none
        case bytes(ByteChunk)
        case stream(length: Int?, produce: @Sendable (HTTPBodyWriter) async throws -> Void)
    }

    let content: Content

    package static let none = HTTPRequestBody(content: .none)

    package static func bytes(_ bytes: ByteChunk) -> HTTPRequestBody {
        HTTPRequestBody(content: .bytes(bytes))
    }

    /// Chunks as they come, pulled no faster than the connection takes them.
    ///
    /// With a length they must come to exactly that; without one the body is sent chunked. They are read once.
    package static func stream<S: AsyncSequence & Sendable>(_ chunks: S, length: Int? = nil) -> HTTPRequestBody
    where S.Element == ByteChunk {
        HTTPRequestBody(
            content: .stream(length: length) { writer in
                for try await chunk in chunks { try await writer.write(chunk) }
            }
        )
    }

    /// Whether it could be sent a second time.
    package var isRepeatable: Bool { if case .stream = content { false } else { true } }

    /// The same without the bytes.
    var outline: HTTPExchangeStateMachine.Body {
        switch content {
        case .none: .bytes(0)
        case .bytes(let bytes): .bytes(bytes.count)
        case .stream(let length, _): .stream(length: length)
        }
    }

    var framing: HTTPFraming {
        switch content {
        case .none: .none
        case .bytes(let bytes): .length(bytes.count)
        case .stream(let length?, _): .length(length)
        case .stream(nil, _): .chunked
        }
    }
}

/// Where the chunks of a streamed body go.
struct HTTPBodyWriter: Sendable {
    let exchange: HTTPExchange

    /// Returns when the connection has taken the bytes and could take more; throws when the exchange is over.
    func write(_ chunk: ByteChunk) async throws {
        guard !chunk.isEmpty else { return }
        try await exchange.write(chunk)
    }
}

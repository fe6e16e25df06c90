// SPDX-License-Identifier: Apache-2.0

/// What an actor's own handler answered, whatever its status.
public struct ActorResponse: Sendable {
    /// The status code.
    public let status: Int
    /// The fields.
    public let fields: HTTPFields
    /// The content, which may still be arriving.
    public let body: ResponseBody

    /// The whole content as a JSON value.
    ///
    /// - Parameters:
    ///   - type: what to decode.
    ///   - maxBytes: how much is read at the most; 20 MiB by default, as much as the gateway passes on.
    /// - Returns: the value.
    /// - Throws: ``RivetError`` with ``RivetError/Code/decodingFailed`` or ``RivetError/Code/limitExceeded``.
    public func decodeJSON<T: Decodable>(_ type: T.Type = T.self, upTo maxBytes: Int = 20 << 20) async throws -> T {
        let bytes = ByteChunk(try await body.collect(upTo: maxBytes))
        do {
            return try ValueFormat.json.decode(type, from: bytes)
        } catch {
            throw RivetError(
                .decodingFailed,
                "the answer (HTTP \(status), \(bytes.count) bytes) did not decode as \(T.self): \(error)",
                fault: .caller,
                execution: .ran,
                underlying: error
            )
        }
    }
}

/// The content of an answer, in chunks, pulled by one reader.
///
/// While nobody reads, the peer has to wait. When it is dropped half-way, or its task is cancelled, its connection is
/// closed and not drained. Whoever reads while another task waits gets ``RivetError/Code/invalidArgument``, and that
/// task waits on.
public struct ResponseBody: AsyncSequence, Sendable {
    let body: HTTPBody
    let endpoint: Endpoint

    /// The reader.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var iterator: HTTPBody.AsyncIterator
        private let endpoint: Endpoint

        init(_ body: ResponseBody) {
            iterator = body.body.makeAsyncIterator()
            endpoint = body.endpoint
        }

        /// The next chunk; nil at the end.
        ///
        /// - Throws: ``RivetError`` when the answer broke off or a limit was passed; `CancellationError`.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async throws
            -> ByteChunk?
        {
            do {
                return try await iterator.next()
            } catch {
                throw ResponseBody.translated(error, endpoint)
            }
        }
    }

    /// Starts reading where the last reader stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    /// The whole content.
    ///
    /// - Parameter maxBytes: 20 MiB by default.
    /// - Returns: the bytes.
    /// - Throws: ``RivetError``, with ``RivetError/Code/limitExceeded`` when there is more; `CancellationError`.
    public func collect(upTo maxBytes: Int = 20 << 20) async throws -> [UInt8] {
        do {
            return try await body.collect(upTo: maxBytes)
        } catch {
            throw Self.translated(error, endpoint)
        }
    }

    private static func translated(_ failure: HTTPCallError, _ endpoint: Endpoint) -> any Error {
        if failure.error is CancellationError { return CancellationError() }
        return RivetError(failure, endpoint: endpoint, kind: "the answer's body")
    }
}

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
    /// The JSON is the actor's own, not Rivet's: texts that begin with `$` have no meaning in it, and numbers may have
    /// any number of digits. Bytes are read from Base64 text and from arrays of numbers, a `Date` from ISO 8601 text. A
    /// byte order mark in front is skipped.
    ///
    /// - Parameters:
    ///   - type: what to decode.
    ///   - maxBytes: how much is read at the most; 20 MiB by default, as much as the gateway passes on.
    /// - Returns: the value.
    /// - Throws: ``RivetError`` with ``RivetError/Code/decodingFailed``, also for more than 128 arrays and maps in one another,
    ///   or ``RivetError/Code/limitExceeded``.
    public func decodeJSON<T: Decodable>(_ type: T.Type = T.self, upTo maxBytes: Int = 20 << 20) async throws -> T {
        let bytes = ByteChunk(try await body.collect(upTo: maxBytes))
        return try bytes.decodeJSON(type, of: "the answer (HTTP \(status), \(bytes.count) bytes)")
    }
}

extension ByteChunk {
    /// What an actor's own handler was sent or has answered, as a value; `subject` is what the error speaks of.
    package func decodeJSON<T: Decodable>(_ type: T.Type, of subject: String) throws(RivetError) -> T {
        do {
            return try ValueFormat.plainJSON.decode(type, from: self)
        } catch {
            throw RivetError(
                .decodingFailed,
                "\(subject) did not decode as \(T.self): \(error)",
                fault: .caller,
                execution: .ran,
                underlying: error
            )
        }
    }
}

/// The content of an answer, in chunks, pulled by one reader.
///
/// While nobody reads, the peer has to wait. While somebody does, a piece has to arrive within
/// ``CallOptions/bodyIdleTimeout``; ``RivetError/Code/deadlineExceeded`` otherwise. When it is dropped half-way, or its task
/// is cancelled, its connection is closed and not drained. Whoever reads while another task waits gets
/// ``RivetError/Code/invalidArgument``, and that task waits on; so does whoever reads on when a cancelled task has given
/// the body up.
public struct ResponseBody: AsyncSequence, Sendable {
    let body: HTTPBody
    let endpoint: Endpoint
    /// The caller's own; nil for the default, which server-sent events do not have.
    var idleTimeout: Duration?
    /// How long a reader waits for the next piece.
    var silence: Duration { idleTimeout ?? .seconds(75) }

    /// The reader.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let body: ResponseBody

        init(_ body: ResponseBody) { self.body = body }

        /// The next chunk; nil at the end.
        ///
        /// - Throws: ``RivetError`` when the answer broke off, nothing of it came for too long or a limit was passed;
        ///   `CancellationError`.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async throws
            -> ByteChunk?
        {
            try await body.next(within: body.silence)
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
            return Array(try await body.collect(upTo: maxBytes, within: silence))
        } catch {
            throw self.error(error)
        }
    }

    /// For an error about an answer that is not as it should be.
    func beginning(_ count: Int) async throws -> [UInt8] {
        do {
            return try await body.beginning(count, within: silence)
        } catch {
            throw self.error(error)
        }
    }

    func next(within silence: Duration?) async throws -> ByteChunk? {
        do {
            return try await body.next(within: silence)
        } catch {
            throw self.error(error)
        }
    }

    func error(_ failure: HTTPCallError) -> any Error {
        if failure.error is CancellationError { return CancellationError() }
        return RivetError(failure, endpoint: endpoint, kind: "the answer's body")
    }
}

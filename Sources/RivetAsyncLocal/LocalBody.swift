// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

/// The body of a plain HTTP request to an actor, piece by piece.
///
/// Read it once, in one task. While nobody reads, at most 256 KiB and what one receive brings are held, and the client
/// has to wait. A handler that returns without reading it to its end, or whose reading task is cancelled, gives up the
/// rest.
public struct LocalBody: AsyncSequence, Sendable {
    /// A piece of the body, never empty.
    public typealias Element = ByteChunk

    enum Content: Sendable {
        case whole(ByteChunk)
        case arriving(HTTPBody)
    }

    let content: Content

    /// Reads the pieces in their order.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var whole: ByteChunk?
        private var arriving: HTTPBody.AsyncIterator?

        init(_ content: Content) {
            switch content {
            case .whole(let bytes): whole = bytes.isEmpty ? nil : bytes
            case .arriving(let body): arriving = body.makeAsyncIterator()
            }
        }

        /// The next piece, or nil behind the last.
        ///
        /// - Throws: `CancellationError`; `RivetError` with `RivetError.Code.connectionLost` where the rest does not
        ///   come, or with `RivetError.Code.invalidArgument` where another task waits already, or has given it up.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> ByteChunk? {
            guard arriving != nil else { return whole.take() }
            do throws(HTTPCallError) {
                return try await arriving?.next(isolation: isolation)
            } catch {
                switch error.error {
                case is CancellationError: throw CancellationError()
                case HTTPError.bodyHasReader, HTTPError.bodyAbandoned:
                    let isRead = error.error as? HTTPError == .bodyHasReader
                    throw RivetError(
                        .invalidArgument,
                        "the body of the request \(isRead ? "has another reader" : "was given up before its end")",
                        fault: .caller,
                        underlying: error
                    )
                default:
                    throw RivetError(
                        .connectionLost,
                        "the body of the request was cut off",
                        fault: .network,
                        execution: .mayHaveRun,
                        underlying: error
                    )
                }
            }
        }
    }

    /// The one reader.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(content) }

    /// Reads all of it.
    ///
    /// - Parameter maxBytes: how much at the most; 20 MiB by default.
    /// - Returns: the whole body.
    /// - Throws: what reading throws, and `RivetError` with `RivetError.Code.limitExceeded` above `maxBytes`.
    public func collect(upTo maxBytes: Int = 20 << 20) async throws -> [UInt8] {
        var collected: [UInt8] = []
        for try await chunk in self {
            guard chunk.count <= maxBytes - collected.count else {
                throw RivetError(.limitExceeded, "the body has more than \(maxBytes) bytes", fault: .caller)
            }
            collected.append(chunk)
        }
        return collected
    }
}

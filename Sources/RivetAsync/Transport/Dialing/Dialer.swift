// SPDX-License-Identifier: Apache-2.0

/// Whom to connect to, on which lane, and until when.
package struct DialRequest: Sendable {
    /// A name, or an IP literal without brackets.
    package var host: String
    package var port: Int
    package var lane: Lane
    package var deadline: Deadline?
    package var time: TimeSource

    package init(host: String, port: Int, lane: Lane, deadline: Deadline? = nil, time: TimeSource) {
        (self.host, self.port, self.lane, self.deadline, self.time) = (host, port, lane, deadline, time)
    }
}

/// Makes connections.
package protocol Dialer: Sendable {
    /// Connects; the caller closes the stream.
    ///
    /// Cancelling it, or the deadline, ends it at any stage and leaves no descriptor.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    func dial(_ request: DialRequest) async throws -> any ByteStream
}

/// Connects within a ``MemoryNetwork``.
package struct MemoryDialer: Dialer {
    private let network: MemoryNetwork

    package init(network: MemoryNetwork) { self.network = network }

    package func dial(_ request: DialRequest) async throws -> any ByteStream {
        try Task.checkCancellation()
        do throws(TransportError) {
            return try network.connect(port: request.port, lane: request.lane)
        } catch {
            let attempt = TransportError.Attempt(address: "memory:\(request.port)", error: error)
            throw TransportError.noAddressReached(host: request.host, attempts: [attempt])
        }
    }
}

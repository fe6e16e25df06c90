// SPDX-License-Identifier: Apache-2.0

/// Makes connections.
package protocol Dialer: Sendable {
    /// Connects to `host` (a name, or an IP literal without brackets) on `lane`; the caller closes the stream.
    ///
    /// Cancelling it, or the deadline, ends it at any stage and leaves no descriptor.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    func dial(
        host: String,
        port: Int,
        lane: Lane,
        deadline: TimePoint?,
        time: TimeSource
    ) async throws -> any ByteStream
}

/// Connects within a ``MemoryNetwork``.
package struct MemoryDialer: Dialer {
    private let network: MemoryNetwork

    package init(network: MemoryNetwork) { self.network = network }

    package func dial(
        host: String,
        port: Int,
        lane: Lane,
        deadline: TimePoint?,
        time: TimeSource
    ) async throws -> any ByteStream {
        try Task.checkCancellation()
        do throws(TransportError) {
            return try network.connect(port: port, lane: lane)
        } catch {
            let attempt = TransportError.Attempt(address: "memory:\(port)", error: error)
            throw TransportError.noAddressReached(host: host, attempts: [attempt])
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Turns names into addresses.
///
/// It is injected, so that tests need no network.
package protocol HostResolver: Sendable {
    /// The addresses of `host` with `port`, in the order of the name service.
    ///
    /// Cancelling it returns at once, whatever becomes of the lookup. `gauge` counts the task while it waits.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    func resolve(host: String, port: UInt16, gauge: ResourceGauge) async throws -> [SocketAddress]
}

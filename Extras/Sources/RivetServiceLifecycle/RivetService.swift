// SPDX-License-Identifier: Apache-2.0
public import RivetAsync
public import ServiceLifecycle

/// A client as a service of a `ServiceGroup`: it runs until the group ends, and ends in order with it.
///
/// A graceful shutdown refuses new calls at once, gives those that run 5 s, and closes connections with 1000
/// (``RivetClient/beginGracefulShutdown()``). Cancelling ends everything at once. List it before the services that use
/// the client: a group ends its services in the reverse order.
public struct RivetService: Service, CustomStringConvertible {
    /// The client whose life this is.
    public let client: RivetClient

    /// A service for `client`, which may be in use already.
    public init(_ client: RivetClient) { self.client = client }

    /// Returns when the client is closed.
    ///
    /// - Throws: `CancellationError` when the task was cancelled.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await client.runConnections()
        } onGracefulShutdown: {
            client.beginGracefulShutdown()
        }
    }

    /// For the group's logs.
    public var description: String { "RivetClient" }
}

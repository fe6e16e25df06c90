// SPDX-License-Identifier: Apache-2.0
public import RivetAsync
import Synchronization

/// One client's connection, as its actor sees it.
///
/// An HTTP request is one too, for as long as it runs.
public struct LocalConnection<Definition: ActorDefinition>: Sendable {
    let hosted: HostedConnection

    /// The id that the client knows too.
    public var id: String { hosted.id }

    /// The parameters that the client connected with; nil where it gave none.
    ///
    /// - Throws: what the decoding of `T` throws, when they have another form.
    public func parameters<T: Decodable>(as _: T.Type) throws -> T? {
        guard let parameters = hosted.parameters else { return nil }
        return try ValueFormat.plainJSON.decode(T?.self, from: parameters)
    }

    /// What `createConnectionState` made for this connection; nil if that was nothing or has another type.
    public func state<T: Sendable>(as _: T.Type) -> T? {
        hosted.state.withLock { $0 } as? T
    }

    /// Sends `event` to this connection alone, whether it is subscribed or not.
    ///
    /// Nothing happens once it is closed.
    public func send<E: ActorEvent>(_ event: E) async where E.Source == Definition {
        await hosted.actor.send(OutgoingEvent(event), to: hosted)
    }

    /// Closes the connection with code 1000 and `reason`, which is not cut.
    public func disconnect(reason: String? = nil) async {
        await hosted.actor.disconnect(hosted, WebSocketClosing(.normalClosure, reason: reason ?? ""))
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Where a connection's messages go.
///
/// Called on the actor's lane, in the order of the messages.
protocol ConnectionOutlet: AnyObject, Sendable {
    /// The id of its upgrade's answer.
    var ray: String { get }
    func send(_ message: [UInt8], _ kind: OutgoingKind)
    func close(_ closing: WebSocketClosing)
}

/// What a message is, for faults on demand.
enum OutgoingKind: Sendable {
    case initial, answer, event, error
}

/// One connection as its actor sees it: a socket, or the moment of an HTTP request (PROTOCOL e1).
final class HostedConnection: Sendable {
    let id: String
    let actor: HostedActor
    /// JSON text; nil where none were given.
    let parameters: ByteChunk?
    let codec: MessageCodec
    /// Nil for HTTP requests and scheduled actions: what is sent there goes nowhere.
    let outlet: (any ConnectionOutlet)?
    /// A raw WebSocket, which ends when its actor sleeps.
    let isRaw: Bool
    let state = Mutex<(any Sendable)?>(nil)

    init(
        actor: HostedActor,
        parameters: ByteChunk?,
        encoding: WireEncoding,
        outlet: (any ConnectionOutlet)? = nil,
        isRaw: Bool = false
    ) {
        id = FreshID.connectionID()
        self.actor = actor
        self.parameters = parameters
        codec = MessageCodec(encoding)
        self.outlet = outlet
        self.isRaw = isRaw
    }
}

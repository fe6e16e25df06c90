// SPDX-License-Identifier: Apache-2.0

/// One attempt's way from the handle to an open socket: lookup, parameters, TCP and TLS, upgrade.
///
/// Everything that it opens belongs to it: when its task is cancelled nothing stays open (B163).
struct ConnectionAttempt: Sendable {
    let handle: HandleCore
    let parameters: ConnectionParameters
    let skipsReadyWait: Bool
    let lane: Lane
    /// The first attempt may use the id that the handle keeps; later ones resolve anew (B133).
    let isFirst: Bool
    let scope: CallScope

    /// Opens the socket; `opened` is called on the lane when the 101 has come, before what came with it is read.
    func open(_ opened: @escaping @Sendable (ConnectionSocket) -> Void) async throws {
        let context = handle.context
        try handle.check()
        let address = try await context.serverAddress(in: scope, repeats: false)
        if !isFirst { handle.resolver.forget() }
        let id = try await handle.resolver.id(in: scope)
        let token = try await context.token(for: address, deadline: scope.deadline)
        let handshake = try await handshake(address, token, id)
        do {
            try await ConnectionSocket.open(
                context: context,
                address: address,
                token: token,
                handshake: handshake,
                lane: lane,
                deadline: scope.deadline,
                opened
            )
        } catch {
            throw context.judged(AttemptEnding(opening: error, address.endpoint), token, at: address)
        }
    }

    private func handshake(_ address: ServerAddress, _ token: Secret?, _ id: ActorID) async throws -> WebSocketHandshake
    {
        let context = handle.context
        let parameters: String?
        do {
            parameters = try await handle.encodedParameters(self.parameters, deadline: scope.deadline)
        } catch let error as RivetError {
            // Asked again with each attempt (B134, B135); a value that does not encode never will.
            throw AttemptEnding(error: error, isPermanent: !error.isTransient, failsHeldActions: true)
        }
        let subprotocols = Subprotocols(
            encoding: context.configuration.encoding.wire,
            parameters: parameters,
            skipsReadyWait: skipsReadyWait
        )
        return try WebSocketHandshake(
            target: GatewayURL.target(address.endpoint, actorID: id, token: token, path: .connect),
            host: address.endpoint.authority,
            subprotocols: subprotocols.list,
            requiresSubprotocol: true,
            fields: context.fields(own: [:], in: scope, to: address),
            nonce: context.random.bytes(16)
        )
    }
}

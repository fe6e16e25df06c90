// SPDX-License-Identifier: Apache-2.0

/// Accepts TCP connections and spreads them over lanes.
///
/// `@unchecked Sendable`: its state is touched on its lane only.
package final class TCPListener: LaneMember, @unchecked Sendable {
    package let localAddress: SocketAddress
    package var localPort: Int { Int(localAddress.port) }

    private let lane: Lane
    private let lanes: LaneGroup
    private let descriptor: Int32
    private var registration: Registration?
    private let accepted: @Sendable (TCPSocket) -> Void

    /// Listens on `address`; port 0 takes a free one.
    ///
    /// `accepted` is called on the new socket's lane, before anything is read from it. A socket lives on until it is
    /// closed, also after the listener is.
    ///
    /// - Throws: ``TransportError``.
    package static func listen(
        on address: SocketAddress = .loopback(),
        lanes: LaneGroup,
        backlog: Int32 = 1_024,
        accepted: @escaping @Sendable (TCPSocket) -> Void
    ) async throws(TransportError) -> TCPListener {
        let lane = lanes.next()
        return try await lane.result { () throws(TransportError) in
            try open(address, lane: lane, lanes: lanes, backlog: backlog, accepted: accepted)
        }
    }

    private static func open(
        _ address: SocketAddress,
        lane: Lane,
        lanes: LaneGroup,
        backlog: Int32,
        accepted: @escaping @Sendable (TCPSocket) -> Void
    ) throws(TransportError) -> TCPListener {
        let descriptor = try SystemCalls.makeSocket(for: address)
        let listener: TCPListener
        do throws(TransportError) {
            try SystemCalls.bind(descriptor, to: address)
            try SystemCalls.listen(descriptor, backlog: backlog)
            listener = TCPListener(
                localAddress: try SystemCalls.localAddress(descriptor),
                lane: lane,
                lanes: lanes,
                descriptor: descriptor,
                accepted: accepted
            )
        } catch {
            SystemCalls.close(descriptor)
            throw error
        }
        listener.registration = try lane.register(descriptor, listener)
        return listener
    }

    private init(
        localAddress: SocketAddress,
        lane: Lane,
        lanes: LaneGroup,
        descriptor: Int32,
        accepted: @escaping @Sendable (TCPSocket) -> Void
    ) {
        self.localAddress = localAddress
        self.lane = lane
        self.lanes = lanes
        self.descriptor = descriptor
        self.accepted = accepted
    }

    package func ready(_ events: ReadyEvents) {
        while let registration {
            switch SystemCalls.accept(descriptor) {
            case .descriptor(let descriptor):
                hand(descriptor, to: lanes.next())
            case .wouldBlock:
                return lane.wantsReadable(registration)
            case .failed(.connectionAborted):
                // Gone before it was accepted; the next one may be there.
                continue
            case .failed:
                // Out of descriptors or memory. The connections stay in the backlog and are taken when the next one
                // comes; trying again at once would only spin.
                return lane.wantsReadable(registration)
            }
        }
    }

    private func hand(_ descriptor: Int32, to lane: Lane) {
        lane.run { [accepted] in
            // The lane was shut down, or is out of memory: the descriptor is closed, the peer sees it.
            guard let socket = try? TCPSocket.adopt(descriptor, on: lane) else { return }
            accepted(socket)
        }
    }

    /// Stops listening and frees the descriptor.
    ///
    /// Connections that were accepted live on.
    package func close() async {
        await lane.result { self.laneShutsDown() }
    }

    package func laneShutsDown() {
        guard let registration = registration.take() else { return }
        lane.removeAndClose(registration)
    }
}

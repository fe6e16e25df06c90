// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A network within the process: listeners by port, reached with any host name.
package final class MemoryNetwork: Sendable {
    private struct Listener {
        let lanes: LaneGroup
        let accepted: @Sendable (MemoryStream) -> Void
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var lastPort = 49_151
    }

    private let state = Mutex(State())

    package init() {}

    /// Accepts connections to `port` (0 takes a free one) and returns it.
    ///
    /// `accepted` is called on the stream's lane, before anything is read from it.
    ///
    /// - Throws: ``TransportError`` when the port is taken.
    package func listen(
        port: Int = 0,
        lanes: LaneGroup,
        accepted: @escaping @Sendable (MemoryStream) -> Void
    ) throws(TransportError) -> Int {
        let taken: Int? = state.withLock { state in
            var port = port
            if port == 0 {
                repeat { state.lastPort += 1 } while state.listeners[state.lastPort] != nil
                port = state.lastPort
            }
            guard state.listeners[port] == nil else { return nil }
            state.listeners[port] = Listener(lanes: lanes, accepted: accepted)
            return port
        }
        guard let taken else { throw .system(.bind, .addressInUse) }
        return taken
    }

    /// Connections that were accepted live on.
    package func stopListening(port: Int) {
        _ = state.withLock { $0.listeners.removeValue(forKey: port) }
    }

    /// - Throws: ``TransportError`` when nobody listens.
    package func connect(port: Int, lane: Lane) throws(TransportError) -> MemoryStream {
        guard let listener = state.withLock({ $0.listeners[port] }) else { throw .system(.connect, .connectionRefused) }
        let (near, far) = MemoryStream.pair(on: lane, listener.lanes.next())
        far.lane.run { listener.accepted(far) }
        return near
    }
}

// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization

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

/// Resolves by `getaddrinfo`, which blocks for as long as it likes: so it runs on threads of its own, a few at a time,
/// and a lookup whose caller has gone is dropped, or left to end by itself.
package final class SystemResolver: HostResolver {
    private struct Lookup {
        let host: String
        let port: UInt16
        let addresses: Promise<[SocketAddress]>
    }

    private struct State {
        var lookups = RingBuffer<Lookup>()
        var idleQueues: [DispatchQueue]
    }

    package typealias LookUp = @Sendable (String, UInt16) throws(TransportError) -> [SocketAddress]

    private let state: Mutex<State>
    private let lookUp: LookUp

    /// One for the process: the threads that wait for the name service are bounded for all clients together.
    package static let shared = SystemResolver()

    /// `lookUp` blocks; it is called on at most `width` threads at a time.
    package init(
        width: Int = 8,
        lookUp: @escaping LookUp = { host, port throws(TransportError) in
            try SystemCalls.addresses(host: host, port: port)
        }
    ) {
        self.lookUp = lookUp
        let queues = (0..<max(width, 1)).map { DispatchQueue(label: "rivet.resolver.\($0)") }
        state = Mutex(State(idleQueues: queues))
    }

    package func resolve(host: String, port: UInt16, gauge: ResourceGauge) async throws -> [SocketAddress] {
        try Task.checkCancellation()
        let addresses = Promise<[SocketAddress]>(gauge: gauge)
        start(Lookup(host: host, port: port, addresses: addresses))
        return try await withTaskCancellationHandler {
            try await addresses.value()
        } onCancel: {
            addresses.finish(.failure(CancellationError()))
        }
    }

    private func start(_ lookup: Lookup) {
        let queue = state.withLock { state in
            state.lookups.append(lookup)
            return state.idleQueues.popLast()
        }
        // Without an idle queue, one of the busy ones takes it when it is done.
        queue?.async { self.work(on: queue) }
    }

    private func work(on queue: DispatchQueue?) {
        while let lookup = next(on: queue) {
            if lookup.addresses.isFinished { continue }
            do throws(TransportError) {
                lookup.addresses.finish(.success(try lookUp(lookup.host, lookup.port)))
            } catch {
                lookup.addresses.finish(.failure(error))
            }
        }
    }

    /// The next lookup, or nil, and then the queue is idle again.
    private func next(on queue: DispatchQueue?) -> Lookup? {
        state.withLock { state in
            if let lookup = state.lookups.popFirst() { return lookup }
            if let queue { state.idleQueues.append(queue) }
            return nil
        }
    }
}

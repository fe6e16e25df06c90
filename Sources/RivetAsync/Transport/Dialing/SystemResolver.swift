// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization

/// Resolves by `getaddrinfo`, which blocks for as long as it likes: so it runs on threads of its own, a few at a time,
/// and a lookup whose caller has gone is dropped, or left to end by itself.
package final class SystemResolver: HostResolver {
    private enum Status {
        case new
        case waiting(ParkedTask<[SocketAddress], any Error>)
        case over
    }

    private final class Lookup: Sendable {
        let host: String
        let port: UInt16
        let status = Mutex(Status.new)

        init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }

        func finish(_ result: Result<[SocketAddress], any Error>) {
            let task: ParkedTask<[SocketAddress], any Error>? = status.withLock { status in
                defer { status = .over }
                guard case .waiting(let task) = status else { return nil }
                return task
            }
            task?.resume(with: result)
        }

        var isOver: Bool {
            status.withLock { if case .over = $0 { true } else { false } }
        }
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
        let lookup = Lookup(host: host, port: port)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isNew = lookup.status.withLock { status in
                    guard case .new = status else { return false }
                    status = .waiting(ParkedTask(continuation, gauge))
                    return true
                }
                guard isNew else { return continuation.resume(throwing: CancellationError()) }
                start(lookup)
            }
        } onCancel: {
            lookup.finish(.failure(CancellationError()))
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
            if lookup.isOver { continue }
            do throws(TransportError) {
                lookup.finish(.success(try lookUp(lookup.host, lookup.port)))
            } catch {
                lookup.finish(.failure(error))
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

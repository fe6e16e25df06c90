// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization

/// Connects by another dialer and makes TLS of it, with one context for all connections.
package struct TLSDialer: Dialer {
    private let below: any Dialer
    private let loader: TLSContextLoader

    package init(over below: any Dialer, options: TLSOptions) {
        self.below = below
        loader = TLSContextLoader(options)
    }

    package func dial(_ request: DialRequest) async throws -> any ByteStream {
        // That reads files.
        let context = try await bounded(request) { try await loader.context(gauge: request.lane.gauge) }
        let stream = try await below.dial(request)
        do {
            return try await bounded(request) {
                try await TLSStream.connect(over: stream, context: context, host: request.host, port: request.port)
            }
        } catch {
            // The handshake may have been completed while the deadline passed; then nobody else closes it.
            request.lane.run { stream.close() }
            throw error
        }
    }

    private func bounded<R: Sendable>(
        _ request: DialRequest,
        _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        do {
            return try await withDeadline(request.deadline?.time, time: request.time, body)
        } catch is DeadlinePassedError {
            throw TransportError.deadlinePassed(.handshaking, host: request.host, attempts: [])
        }
    }
}

/// Makes a client's one ``TLSContext`` when it is first needed, as that reads files, on a queue of its own.
///
/// A failure is not kept: the file or library that was missing may be there at the next attempt.
private final class TLSContextLoader: Sendable {
    private let options: TLSOptions
    private let loaded = Mutex<TLSContext?>(nil)
    private let queue = DispatchQueue(label: "rivet.tls")

    init(_ options: TLSOptions) { self.options = options }

    /// `gauge` counts the task while it waits.
    func context(gauge: ResourceGauge) async throws -> TLSContext {
        if let context = loaded.withLock({ $0 }) { return context }
        let promise = Promise<TLSContext>(gauge: gauge)
        queue.async { promise.finish(self.load()) }
        return try await promise.value()
    }

    /// On the serial queue, so that several first callers wait for one.
    private func load() -> Result<TLSContext, any Error> {
        if let context = loaded.withLock({ $0 }) { return .success(context) }
        do throws(TLSError) {
            let context = try TLSContext(options)
            loaded.withLock { $0 = context }
            return .success(context)
        } catch {
            return .failure(TransportError.tls(error))
        }
    }
}

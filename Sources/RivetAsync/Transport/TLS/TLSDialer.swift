// SPDX-License-Identifier: Apache-2.0

/// Connects by another dialer and makes TLS of it, with one context for all connections.
package struct TLSDialer: Dialer {
    private let below: any Dialer
    private let loader: TLSContextLoader

    package init(over below: any Dialer, configuration: TLSConfiguration) {
        self.below = below
        loader = TLSContextLoader(configuration)
    }

    package func dial(
        host: String,
        port: Int,
        lane: Lane,
        deadline: TimePoint?,
        time: TimeSource
    ) async throws -> any ByteStream {
        let context = try await loader.context(gauge: lane.gauge)
        let stream = try await below.dial(host: host, port: port, lane: lane, deadline: deadline, time: time)
        do {
            return try await withDeadline(deadline, time: time) {
                try await TLSStream.connect(over: stream, context: context, host: host, port: port)
            }
        } catch {
            // The handshake may have been completed while the deadline passed; then nobody else closes it.
            lane.run { stream.close() }
            guard error is DeadlinePassed else { throw error }
            throw TransportError.deadlinePassed(.handshaking, host: host, attempts: [])
        }
    }
}

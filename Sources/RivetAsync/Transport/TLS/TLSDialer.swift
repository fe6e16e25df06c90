// SPDX-License-Identifier: Apache-2.0

/// Connects by another dialer and makes TLS of it, with one context for all connections.
package struct TLSDialer: Dialer {
    private let below: any Dialer
    private let loader: TLSContextLoader

    package init(over below: any Dialer, options: TLSOptions) {
        self.below = below
        loader = TLSContextLoader(options)
    }

    package func dial(_ request: DialRequest) async throws -> any ByteStream {
        let context = try await loader.context(gauge: request.lane.gauge)
        let stream = try await below.dial(request)
        do {
            return try await withDeadline(request.deadline, time: request.time) {
                try await TLSStream.connect(over: stream, context: context, host: request.host, port: request.port)
            }
        } catch {
            // The handshake may have been completed while the deadline passed; then nobody else closes it.
            request.lane.run { stream.close() }
            guard error is DeadlinePassedError else { throw error }
            throw TransportError.deadlinePassed(.handshaking, host: request.host, attempts: [])
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Makes a client's connections: name, TCP and, where the endpoint says so, TLS, within `connectTimeout` (B144).
struct Dialing: Sendable {
    private let plain: any Dialer
    private let secure: any Dialer
    private let connectTimeout: Duration
    private let time: TimeSource
    private let deadlines: DeadlineScheduler

    init(
        _ configuration: RivetConfiguration,
        _ transport: RivetTransport,
        time: TimeSource,
        deadlines: DeadlineScheduler
    ) {
        plain = transport.dialer
        secure = TLSDialer(over: plain, options: configuration.tls)
        connectTimeout = configuration.connectTimeout
        self.time = time
        self.deadlines = deadlines
    }

    func dial(_ origin: HTTPOrigin, lane: Lane, deadline: TimePoint?) async throws -> any ByteStream {
        let limit = time.now.advanced(by: connectTimeout)
        let dialer = origin.isSecure ? secure : plain
        let until = Deadline(deadline.map { min($0, limit) } ?? limit, deadlines)
        return try await dialer.dial(
            .init(host: origin.host, port: origin.port, lane: lane, deadline: until, time: time)
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Connects by TCP: resolves the name and races its addresses (RFC 8305, "Happy Eyeballs").
package struct SocketDialer: Dialer {
    /// How long an address may keep the next one waiting (RFC 8305 §5, §8).
    package static let attemptDelay = Duration.milliseconds(250)

    private let resolver: any HostResolver

    package init(resolver: any HostResolver = SystemResolver.shared) {
        self.resolver = resolver
    }

    package func dial(_ request: DialRequest) async throws -> any ByteStream {
        let (host, lane) = (request.host, request.lane)
        guard let port = UInt16(exactly: request.port) else {
            throw TransportError.system(.connect, .addressNotAvailable)
        }
        if let literal = SocketAddress(literal: host, port: port) { return try await connect(literal, request) }
        let race = AddressRace(host: host, lane: lane, time: request.time)
        do {
            return try await withDeadline(request.deadline?.time, time: request.time) { [resolver] in
                try await race.run(Self.interleaved(resolver.resolve(host: host, port: port, gauge: lane.gauge)))
            }
        } catch {
            race.closeWinner()
            throw error is DeadlinePassedError ? race.deadlineError : error
        }
    }

    /// What needs no name and has nobody to race with needs no task either.
    private func connect(_ address: SocketAddress, _ request: DialRequest) async throws -> TCPSocket {
        func attempts(_ error: TransportError?) -> [TransportError.Attempt] {
            [TransportError.Attempt(address: address.description, error: error)]
        }
        do {
            return try await TCPSocket.connect(to: address, lane: request.lane, by: request.deadline)
        } catch let error as TransportError {
            try Task.checkCancellation()
            throw TransportError.noAddressReached(host: request.host, attempts: attempts(error))
        } catch is DeadlinePassedError {
            throw TransportError.deadlinePassed(.connecting, host: request.host, attempts: attempts(nil))
        }
    }

    /// IPv6 first, then the families in turn, each in the order it came in (RFC 8305 §4, with a First Address Family
    /// Count of one).
    package static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        var v6 = addresses.filter(\.isV6)[...]
        var v4 = addresses.filter { !$0.isV6 }[...]
        var result: [SocketAddress] = []
        while let address = v6.popFirst() {
            result.append(address)
            if let other = v4.popFirst() { result.append(other) }
        }
        return result + v4
    }
}

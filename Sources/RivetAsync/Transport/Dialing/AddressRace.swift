// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The attempts to reach one host by its addresses, of which the first to connect wins (RFC 8305 §5).
final class AddressRace: Sendable {
    private enum Event: Sendable {
        case connected(TCPSocket)
        case failed(index: Int, TransportError)
        case delayPassed(index: Int)
        case cancelled
    }

    private struct State {
        /// What was tried, in order, also for whoever finds that the deadline has passed.
        var attempts: [TransportError.Attempt] = []
        var winner: TCPSocket?
    }

    private let host: String
    private let lane: Lane
    private let time: TimeSource
    private let state = Mutex(State())

    init(host: String, lane: Lane, time: TimeSource) {
        self.host = host
        self.lane = lane
        self.time = time
    }

    private var attempts: [TransportError.Attempt] { state.withLock { $0.attempts } }

    var deadlineError: TransportError {
        let attempts = attempts
        return .deadlinePassed(attempts.isEmpty ? .resolving : .connecting, host: host, attempts: attempts)
    }

    /// Closes the connection of a race that was won when nobody waited for it any more.
    func closeWinner() {
        guard let winner = state.withLock({ $0.winner.take() }) else { return }
        lane.run { winner.close() }
    }

    /// - Throws: ``TransportError`` that lists every address, or `CancellationError`.
    func run(_ addresses: [SocketAddress]) async throws -> TCPSocket {
        // One alone has nobody to race with, and needs no task of its own.
        if addresses.count == 1 { return try await connect(addresses[0]) }
        let winner = await withTaskGroup(of: Event.self) { group in
            let winner = await firstConnected(addresses, &group)
            state.withLock { $0.winner = winner }
            group.cancelAll()
            for await event in group {
                guard case .connected(let late) = event else { continue }
                lane.run { late.close() }
            }
            return winner
        }
        if let winner { return winner }
        try Task.checkCancellation()
        throw TransportError.noAddressReached(host: host, attempts: attempts)
    }

    private func connect(_ address: SocketAddress) async throws -> TCPSocket {
        state.withLock { $0.attempts = [TransportError.Attempt(address: address.description, error: nil)] }
        do {
            let socket = try await TCPSocket.connect(to: address, lane: lane)
            state.withLock { $0.winner = socket }
            return socket
        } catch let error as TransportError {
            try Task.checkCancellation()
            let attempt = TransportError.Attempt(address: address.description, error: error)
            throw TransportError.noAddressReached(host: host, attempts: [attempt])
        }
    }

    private func firstConnected(_ addresses: [SocketAddress], _ group: inout TaskGroup<Event>) async -> TCPSocket? {
        var started = 0
        var pending = 0
        while true {
            if started < addresses.count {
                start(addresses[started], index: started, hasSuccessor: started + 1 < addresses.count, &group)
                started += 1
                pending += 1
            }
            // The next address is due when the newest attempt failed or has had its time.
            var isNextDue = false
            while !isNextDue {
                guard pending > 0, let event = await group.next() else { return nil }
                switch event {
                case .connected(let socket):
                    return socket
                case .failed(let index, let error):
                    pending -= 1
                    state.withLock { state in
                        let address = state.attempts[index].address
                        state.attempts[index] = TransportError.Attempt(address: address, error: error)
                    }
                    isNextDue = index == started - 1 && started < addresses.count
                case .delayPassed(let index):
                    isNextDue = index == started - 1
                case .cancelled:
                    return nil
                }
            }
        }
    }

    private func start(_ address: SocketAddress, index: Int, hasSuccessor: Bool, _ group: inout TaskGroup<Event>) {
        state.withLock {
            $0.attempts.append(TransportError.Attempt(address: address.description, error: nil))
        }
        group.addTask { [lane] in
            do {
                return .connected(try await TCPSocket.connect(to: address, lane: lane))
            } catch let error as TransportError {
                return .failed(index: index, error)
            } catch {
                return .cancelled
            }
        }
        guard hasSuccessor else { return }
        let due = time.now.advanced(by: SocketDialer.attemptDelay)
        group.addTask { [time] in
            do {
                try await time.sleep(until: due)
                return .delayPassed(index: index)
            } catch {
                return .cancelled
            }
        }
    }
}

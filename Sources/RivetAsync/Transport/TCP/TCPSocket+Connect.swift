// SPDX-License-Identifier: Apache-2.0

extension TCPSocket {
    /// Connects to `address`; cancelling ends the attempt, as the deadline does, and frees its descriptor.
    ///
    /// - Throws: ``TransportError``, ``DeadlinePassedError`` or `CancellationError`.
    package static func connect(
        to address: SocketAddress,
        lane: Lane,
        by deadline: Deadline? = nil
    ) async throws -> TCPSocket {
        let attempt = TCPConnectAttempt(address: address, lane: lane)
        return try await lane.result(
            by: deadline,
            starting: { attempt.start($0) },
            ending: { attempt.end(throwing: $0) }
        )
    }
}

/// One connection being made.
///
/// `@unchecked Sendable`: its state is touched on the lane only.
private final class TCPConnectAttempt: LaneMember, @unchecked Sendable {
    private enum State {
        case new
        case connecting(descriptor: Int32, Registration, ParkedTask<TCPSocket, any Error>)
        /// With what, where it had not begun.
        case ended((any Error)?)
    }

    private let address: SocketAddress
    private let lane: Lane
    private var state = State.new

    init(address: SocketAddress, lane: Lane) {
        self.address = address
        self.lane = lane
    }

    func start(_ task: ParkedTask<TCPSocket, any Error>) {
        // The task may have been cancelled, or the deadline come, before it came here.
        if case .ended(let error?) = state { return task.resume(throwing: error) }
        do throws(TransportError) {
            let descriptor = try SystemCalls.makeSocket(for: address)
            if case .failed(let error) = SystemCalls.connect(descriptor, to: address) {
                SystemCalls.close(descriptor)
                throw .system(.connect, error)
            }
            let registration = try lane.register(descriptor, self)
            state = .connecting(descriptor: descriptor, registration, task)
            lane.wantsWritable(registration)
        } catch {
            state = .ended(nil)
            task.resume(throwing: error)
        }
    }

    func ready(_ events: ReadyEvents) {
        guard case .connecting(let descriptor, let registration, let task) = state,
            !events.isDisjoint(with: [.writable, .ended])
        else { return }
        // A failure is reported as an end as well where the readiness tells ends apart.
        let mayHaveFailed = events.contains(.ended) || !PlatformReadiness.reportsEnds
        if mayHaveFailed, let error = SystemCalls.pendingError(descriptor) {
            return end(throwing: TransportError.system(.connect, error))
        }
        state = .ended(nil)
        SystemCalls.setNoDelay(descriptor)
        let socket = TCPSocket(lane: lane, descriptor: descriptor, registration: registration, reported: events)
        lane.replaceMember(of: registration, with: socket)
        task.resume(returning: socket)
    }

    func laneShutsDown() {
        end(throwing: TransportError.laneShutDown)
    }

    func end(throwing error: any Error) {
        switch state {
        case .new: state = .ended(error)
        case .connecting(_, let registration, let task):
            state = .ended(nil)
            lane.removeAndClose(registration)
            task.resume(throwing: error)
        case .ended: break
        }
    }
}

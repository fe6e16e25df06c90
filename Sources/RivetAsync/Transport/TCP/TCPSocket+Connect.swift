// SPDX-License-Identifier: Apache-2.0

extension TCPSocket {
    /// Connects to `address`; cancelling ends the attempt and frees its descriptor.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    package static func connect(to address: SocketAddress, lane: Lane) async throws -> TCPSocket {
        let attempt = TCPConnectAttempt(address: address, lane: lane)
        return try await lane.result(starting: { attempt.start($0) }, cancelling: { attempt.cancel() })
    }
}

/// One connection being made.
///
/// `@unchecked Sendable`: its state is touched on the lane only.
private final class TCPConnectAttempt: LaneMember, @unchecked Sendable {
    private enum State {
        case new
        case connecting(descriptor: Int32, Registration, ParkedTask<TCPSocket, any Error>)
        case ended
    }

    private let address: SocketAddress
    private let lane: Lane
    private var state = State.new

    init(address: SocketAddress, lane: Lane) {
        self.address = address
        self.lane = lane
    }

    func start(_ task: ParkedTask<TCPSocket, any Error>) {
        // The task may have been cancelled before it came here.
        guard case .new = state else { return task.resume(throwing: CancellationError()) }
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
            state = .ended
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
        state = .ended
        SystemCalls.setNoDelay(descriptor)
        let isReadable = events.contains(.readable)
        let socket = TCPSocket(lane: lane, descriptor: descriptor, registration: registration, isReadable: isReadable)
        lane.replaceMember(of: registration, with: socket)
        task.resume(returning: socket)
    }

    func cancel() {
        end(throwing: CancellationError())
    }

    func laneShutsDown() {
        end(throwing: TransportError.laneShutDown)
    }

    private func end(throwing error: any Error) {
        if case .connecting(_, let registration, let task) = state {
            lane.removeAndClose(registration)
            task.resume(throwing: error)
        }
        state = .ended
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Keeps a raw WebSocket alive: pings whenever nothing came for an interval, and fails it when no pong comes in time.
///
/// Both rest while reading is suspended. `@unchecked Sendable`: touched on the lane only.
final class WebSocketKeepAlive: @unchecked Sendable {
    private let connection: WebSocketConnection
    private var machine: KeepAliveStateMachine
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private var timer: DeadlineScheduler.ID?

    init(
        _ connection: WebSocketConnection,
        interval: Duration,
        timeout: Duration,
        time: TimeSource,
        deadlines: DeadlineScheduler
    ) {
        (self.connection, self.time, self.deadlines) = (connection, time, deadlines)
        machine = KeepAliveStateMachine(interval: interval, timeout: timeout, now: time.now)
        setTimer()
    }

    func received(pong: ByteChunk) {
        guard let id: UInt32 = pong.number(), machine.receivedPong(id: id, now: time.now) != nil else { return }
        setTimer()
    }

    func readingSuspended() {
        machine.readingSuspended()
        setTimer()
    }

    func readingResumed() {
        machine.readingResumed(now: time.now)
        setTimer()
    }

    func stop() {
        if let timer = timer.take() { deadlines.cancel(timer) }
    }

    private func setTimer() {
        stop()
        guard connection.isOpen, let deadline = machine.nextDeadline else { return }
        timer = deadlines.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            connection.stream.lane.run { self.timePassed() }
        }
    }

    private func timePassed() {
        // Closing has a deadline of its own.
        guard connection.isOpen else { return }
        switch machine.timePassed(lastReceived: connection.lastReceived, now: time.now) {
        case .sendPing(let id)?: connection.ping(id)
        case .failConnection?: connection.fail(silentFor: machine.timeout)
        case nil: break
        }
        setTimer()
    }
}

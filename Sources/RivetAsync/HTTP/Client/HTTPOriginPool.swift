// SPDX-License-Identifier: Apache-2.0

/// What the pool keeps for one origin, under its lock: the machine, and whom its numbers stand for.
struct HTTPOriginPool: Sendable {
    typealias Waiter = Promise<Grant>

    /// What a call gets.
    enum Grant: Sendable {
        case connection(HTTPConnection)
        /// Room for a new one.
        case open(connection: Int)
    }

    enum CheckOut {
        case granted(Grant)
        case queued(Waiter, call: Int)
    }

    /// What an action comes to, to be carried out without the lock.
    enum Step {
        case grant(Waiter, Grant)
        case drop(Waiter)
        case close(HTTPConnection)
        case wakeUp(TimePoint)
    }

    var machine: HTTPPoolStateMachine<TimePoint>
    /// Those that are open.
    var connections: [Int: HTTPConnection] = [:]
    /// The calls that wait.
    private var waiters: [Int: Waiter] = [:]

    init(_ limits: HTTPConnectionPool.Limits) {
        machine = HTTPPoolStateMachine(
            maxConnections: limits.maxConnections,
            idleTimeout: limits.idleTimeout
        )
    }

    mutating func submit(_ kind: HTTPCallKind, _ gauge: ResourceGauge) -> CheckOut {
        let call = machine.submit(kind)
        switch machine.nextAction() {
        case .use(let connection, _), .open(let connection, _): return .granted(grant(connection))
        case .drop, .close, .wakeUp: assertionFailure("nothing of this comes of a submission")
        case nil: break
        }
        let waiter = Waiter(gauge: gauge)
        waiters[call] = waiter
        return .queued(waiter, call: call)
    }

    /// Tells something, and returns all that is to be done: what were left would be taken for another's.
    mutating func tell(_ event: (inout Self) -> Void) -> [Step] {
        event(&self)
        var steps: [Step] = []
        while let action = machine.nextAction() {
            switch action {
            case .use(let connection, let call), .open(let connection, let call):
                if let waiter = waiters.removeValue(forKey: call) { steps.append(.grant(waiter, grant(connection))) }
            case .drop(let call):
                if let waiter = waiters.removeValue(forKey: call) { steps.append(.drop(waiter)) }
            case .close(let connection):
                if let connection = connections[connection] { steps.append(.close(connection)) }
            case .wakeUp(let time):
                steps.append(.wakeUp(time))
            }
        }
        return steps
    }

    /// An open connection is here for as long as the machine counts it.
    private func grant(_ connection: Int) -> Grant {
        connections[connection].map { .connection($0) } ?? .open(connection: connection)
    }
}

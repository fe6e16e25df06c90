// SPDX-License-Identifier: Apache-2.0

/// What a call means for the others that want a connection.
package enum HTTPCallKind: Sendable {
    /// Answered, and read, as soon as the server can: an action, a lookup, a queue send without wait.
    case brief
    /// Its connection is held for as long as somebody likes: a raw request, whose answer its reader reads, or a queue send
    /// that waits for the actor.
    case lingering
}

/// Decides, without IO, which call gets which connection of one origin, who waits for one, and what is closed (B51).
///
/// Tell it what happened, then carry out what `nextAction` says until that is nil. Calls and connections are numbers that
/// the machine gives out. A call that is submitted has its connection, or leave to open one, with the next action; where
/// there is none, it waits, and a later action names it.
struct HTTPPoolStateMachine<Instant: InstantProtocol & Sendable>: Sendable where Instant.Duration == Duration {
    enum Action: Equatable, Sendable {
        /// Send the call on this connection, which is open.
        case use(connection: Int, call: Int)
        /// Open this connection for the call, and tell with `opened` or `openFailed`.
        case open(connection: Int, call: Int)
        /// It waits no longer: it was cancelled, or all is closed.
        case drop(call: Int)
        case close(connection: Int)
        /// Call `timePassed` then.
        case wakeUp(at: Instant)
    }

    private enum Connection {
        case opening(HTTPCallKind)
        case inUse(HTTPCallKind)
        case idle
        /// It was to be closed, and is counted until it is.
        case closing

        var kind: HTTPCallKind? {
            switch self {
            case .opening(let kind), .inUse(let kind): kind
            case .idle, .closing: nil
            }
        }
    }

    /// Connections in all: in use, being opened and idle.
    let maxConnections: Int
    private let idleTimeout: Duration
    /// A quarter of the connections is kept from those that linger.
    private var maxLingering: Int { maxConnections - (maxConnections > 1 ? max(1, maxConnections / 4) : 0) }

    private var connections: [Int: Connection] = [:]
    private(set) var lingering = 0
    /// In the order in which they became so; the last is used first.
    private var idle: [(connection: Int, until: Instant)] = []
    /// Those who wait, of each kind in order.
    private var brief: [Int] = []
    private var linger: [Int] = []
    private var lastConnection = 0
    private var lastCall = 0
    private var isAwaited = false
    private var isClosed = false
    private var actions = RingBuffer<Action>()

    init(maxConnections: Int, idleTimeout: Duration) {
        (self.maxConnections, self.idleTimeout) = (maxConnections, idleTimeout)
    }

    var counts: (all: Int, idle: Int, waiting: Int) { (connections.count, idle.count, brief.count + linger.count) }

    mutating func nextAction() -> Action? { actions.popFirst() }

    // MARK: Calls

    /// A call wants a connection; returns its number.
    mutating func submit(_ kind: HTTPCallKind) -> Int {
        lastCall += 1
        if isClosed {
            actions.append(.drop(call: lastCall))
        } else if kind == .lingering, lingering >= maxLingering {
            linger.append(lastCall)
        } else if let kept = idle.popLast() {
            take(kept.connection, for: lastCall, kind)
        } else if connections.count < maxConnections {
            open(for: lastCall, kind)
        } else if kind == .brief {
            brief.append(lastCall)
        } else {
            linger.append(lastCall)
        }
        return lastCall
    }

    /// Nobody waits for its connection any more; nothing happens where it has one.
    mutating func cancel(_ call: Int) {
        if let index = brief.firstIndex(of: call) {
            brief.remove(at: index)
        } else if let index = linger.firstIndex(of: call) {
            linger.remove(at: index)
        } else {
            return  // A legal race: it got its connection at the same time.
        }
        actions.append(.drop(call: call))
    }

    // MARK: Connections

    /// The connection is open, and its call uses it.
    mutating func opened(_ connection: Int) {
        guard case .opening(let kind)? = connections[connection] else { return }
        connections[connection] = .inUse(kind)
        if isClosed { close(connection) }
    }

    mutating func openFailed(_ connection: Int) { closed(connection) }

    /// The call is over, and another may use the connection.
    mutating func freed(_ connection: Int, now: Instant) {
        guard case .inUse(let kind)? = connections[connection] else { return }  // Or it is being closed.
        letGo(of: kind)
        connections[connection] = .idle
        if let (call, kind) = nextWaiting() {
            take(connection, for: call, kind)
        } else if isClosed {
            close(connection)
        } else {
            let until = now.advanced(by: idleTimeout)
            idle.append((connection, until))
            if !isAwaited {
                isAwaited = true
                actions.append(.wakeUp(at: until))
            }
        }
        serveOthers()
    }

    /// The connection is gone, whoever closed it.
    mutating func closed(_ connection: Int) {
        guard let was = connections.removeValue(forKey: connection) else { return }
        if let kind = was.kind { letGo(of: kind) }
        if case .idle = was { idle.removeAll { $0.connection == connection } }
        serveOthers()
    }

    mutating func timePassed(now: Instant) {
        isAwaited = false
        let expired = idle.prefix { $0.until <= now }
        idle.removeFirst(expired.count)
        for (connection, _) in expired { close(connection) }
        if let next = idle.first {
            isAwaited = true
            actions.append(.wakeUp(at: next.until))
        }
    }

    /// All is over: those that are used are closed too, those that are being opened when they are open.
    mutating func close() {
        guard !isClosed else { return }
        isClosed = true
        for call in brief + linger { actions.append(.drop(call: call)) }
        (brief, linger, idle) = ([], [], [])
        for (connection, state) in connections.sorted(by: { $0.key < $1.key }) {
            if case .opening = state { continue }
            close(connection)
        }
    }

    // MARK: Private

    private mutating func close(_ connection: Int) {
        guard let state = connections[connection] else { return }
        if case .closing = state { return }
        if let kind = state.kind { letGo(of: kind) }
        connections[connection] = .closing
        actions.append(.close(connection: connection))
    }

    private mutating func take(_ connection: Int, for call: Int, _ kind: HTTPCallKind) {
        if kind == .lingering { lingering += 1 }
        connections[connection] = .inUse(kind)
        actions.append(.use(connection: connection, call: call))
    }

    private mutating func open(for call: Int, _ kind: HTTPCallKind) {
        if kind == .lingering { lingering += 1 }
        lastConnection += 1
        connections[lastConnection] = .opening(kind)
        actions.append(.open(connection: lastConnection, call: call))
    }

    private mutating func letGo(of kind: HTTPCallKind) {
        if kind == .lingering { lingering -= 1 }
    }

    /// Serves who can go on, now that there is room, or one that lingered is gone.
    private mutating func serveOthers() {
        while !idle.isEmpty || connections.count < maxConnections {
            guard let (call, kind) = nextWaiting() else { return }
            if let kept = idle.popLast() {
                take(kept.connection, for: call, kind)
            } else {
                open(for: call, kind)
            }
        }
    }

    /// The first in line of those who may have a connection.
    private mutating func nextWaiting() -> (call: Int, kind: HTTPCallKind)? {
        let lingerer = lingering < maxLingering ? linger.first : nil
        if let call = brief.first, call < lingerer ?? .max {
            brief.removeFirst()
            return (call, .brief)
        }
        guard let call = lingerer else { return nil }
        linger.removeFirst()
        return (call, .lingering)
    }
}

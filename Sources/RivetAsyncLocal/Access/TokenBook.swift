// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// The tokens of an engine: which there are, who used them, and which open sockets depend on them.
final class TokenBook: Sendable {
    struct Issued: Sendable {
        let token: Secret
        /// Milliseconds since 1970.
        let issued: Int64
        /// A whole second.
        let expires: Int64
    }

    private struct Entry {
        let expires: Int64
        let grants: [Grant]
    }

    private struct Socket {
        let token: ExactName
        let close: @Sendable (WebSocketClosing) -> Void
        let timer: DeadlineScheduler.ID?
    }

    private struct State {
        var issued: [ExactName: Entry] = [:]
        var order = RingBuffer<ExactName>()
        /// Those without an end that were withdrawn: two at the most.
        var withdrawn: Set<ExactName> = []
        var uses: [TokenUse] = []
        var sockets: [ObjectIdentifier: Socket] = [:]
    }

    private static let maxIssued = 10_000
    private static let maxUses = 1_000

    private let rules: LocalEngine.Authentication.Rules?
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private let state = Mutex(State())

    init(_ authentication: LocalEngine.Authentication, time: TimeSource, deadlines: DeadlineScheduler) {
        rules = authentication.rules
        self.time = time
        self.deadlines = deadlines
    }

    var areAskedFor: Bool { rules != nil }

    // MARK: Uses

    var uses: [TokenUse] { state.withLock { $0.uses.suffix(Self.maxUses) } }

    func record(_ use: TokenUse) {
        state.withLock { state in
            // Cut seldom, so that a request costs no move of all.
            if state.uses.count >= 2 * Self.maxUses { state.uses.removeFirst(Self.maxUses) }
            state.uses.append(use)
        }
    }

    // MARK: Tokens

    /// Lets a request in, or not; what its token allows is the pass's to say.
    ///
    /// The actors API takes a bearer's token only.
    func admit(_ use: TokenUse, toAPI: Bool) throws(EngineError) -> Pass {
        guard let rules else { return Pass() }
        guard let secret = use.token, !toAPI || use.way == .bearer else { throw .invalidToken }
        let token = ExactName(secret.reveal())
        let entry: Entry?? = state.withLock { state in
            if let entry = state.issued[token] { return .some(entry) }
            return Self.isEndless(token, rules) && !state.withdrawn.contains(token) ? .some(nil) : nil
        }
        guard let entry else { throw .invalidToken }
        guard let entry else { return Pass(token: token) }
        guard time.calendarMilliseconds < entry.expires else { throw .tokenExpired }
        return Pass(token: token, expires: entry.expires, grants: entry.grants)
    }

    private static func isEndless(_ token: ExactName, _ rules: LocalEngine.Authentication.Rules) -> Bool {
        token == ExactName(rules.admin.reveal()) || (rules.acceptsDefault && token == ExactName("default"))
    }

    func issue(subject: String?, validFor duration: Duration, grants: [Grant]) -> Issued {
        let now = time.calendarMilliseconds
        let end = now + duration.withinReach.wholeMilliseconds
        // Down to the second, for a time before 1970 too.
        let seconds = end >= 0 ? end / 1_000 : (end - 999) / 1_000
        let token = JSONWebToken.make(subject: subject, issued: now / 1_000, expires: seconds, grants: grants)
        let entry = Entry(expires: seconds * 1_000, grants: grants)
        state.withLock { state in
            if state.order.count >= Self.maxIssued, let oldest = state.order.popFirst() { state.issued[oldest] = nil }
            state.order.append(ExactName(token))
            state.issued[ExactName(token)] = entry
        }
        return Issued(token: Secret(token), issued: now, expires: entry.expires)
    }

    func withdraw(_ secret: Secret) {
        let token = ExactName(secret.reveal())
        let closed: [Socket] = state.withLock { state in
            state.issued[token] = nil
            if let rules, Self.isEndless(token, rules) { state.withdrawn.insert(token) }
            let closed = state.sockets.filter { $0.value.token == token }
            for id in closed.keys { state.sockets[id] = nil }
            return Array(closed.values)
        }
        for socket in closed { close(socket, .invalidToken) }
    }

    // MARK: Sockets

    /// Calls `close` once when the token of `pass` is over or withdrawn, on any thread, unless `forget` comes first.
    ///
    /// Not at all for one that is withdrawn already: that is the result.
    func watch(
        _ id: ObjectIdentifier,
        _ pass: Pass,
        _ close: @escaping @Sendable (WebSocketClosing) -> Void
    ) -> WebSocketClosing? {
        guard let token = pass.token, let rules else { return nil }
        let timer = pass.expires.map { expires in
            let left = Duration.milliseconds(expires - time.calendarMilliseconds) + rules.clockSkew.withinReach
            return deadlines.schedule(at: time.now.advanced(by: left)) { [weak self] in self?.expired(id) }
        }
        let isValid = state.withLock { state in
            let isValid = Self.isEndless(token, rules) ? !state.withdrawn.contains(token) : state.issued[token] != nil
            if isValid { state.sockets[id] = Socket(token: token, close: close, timer: timer) }
            return isValid
        }
        guard !isValid else { return nil }
        if let timer { deadlines.cancel(timer) }
        return EngineError.invalidToken.tokenClosing
    }

    func forget(_ id: ObjectIdentifier) {
        guard let socket = state.withLock({ $0.sockets.removeValue(forKey: id) }) else { return }
        if let timer = socket.timer { deadlines.cancel(timer) }
    }

    private func expired(_ id: ObjectIdentifier) {
        guard let socket = state.withLock({ $0.sockets.removeValue(forKey: id) }) else { return }
        close(socket, .tokenExpired)
    }

    private func close(_ socket: Socket, _ failure: EngineError) {
        if let timer = socket.timer { deadlines.cancel(timer) }
        socket.close(failure.tokenClosing)
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}

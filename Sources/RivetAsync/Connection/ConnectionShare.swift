// SPDX-License-Identifier: Apache-2.0

/// What one of several users of a connection has of it, and what ends with that user alone.
///
/// `@unchecked Sendable`: what changes is touched on the connection's lane only.
final class ConnectionShare: @unchecked Sendable {
    /// Those of the connection, up to the user's own end.
    let statuses: Broadcast<ConnectionStatus>
    /// How long the connection stays when this user is the last to leave.
    let idle: Duration
    /// The feeds of its sequences, and the ids of its actions that wait.
    var feeds: [ObjectIdentifier: EventFeed] = [:]
    var actions: Set<UInt64> = []
    /// What it said last with `pause` and `resume`.
    var wantsPause = false
    private(set) var hasLeft = false

    init(idle: Duration, statuses: Broadcast<ConnectionStatus>) {
        (self.idle, self.statuses) = (idle, statuses)
    }

    func report(_ status: ConnectionStatus) {
        if case .closed = statuses.latest { return }
        statuses.send(status)
        if case .closed = status { statuses.finish() }
    }

    /// True once.
    func leave() -> Bool {
        defer { hasLeft = true }
        return !hasLeft
    }

    /// - Throws: why there are no actions of this user any more.
    func checkOpen() throws(RivetError) {
        guard hasLeft else { return }
        if case .closed(.failed(let error)) = statuses.latest { throw error }
        throw .connectionClosed
    }
}

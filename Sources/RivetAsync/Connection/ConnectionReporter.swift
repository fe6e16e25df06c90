// SPDX-License-Identifier: Apache-2.0

/// Tells a client's diagnostics what becomes of one of its connections, and counts its openings and losses.
struct ConnectionReporter: Sendable {
    private let diagnostics: Broadcast<Diagnostic>
    private let tally: ConnectionTally
    /// Tells the connections of a client apart.
    private let number: UInt64
    private let actorName: String
    /// Of the last attempt.
    private var attempt = 1
    /// An opening was counted, and not yet its end.
    private var isCountedAsOpen = false
    /// An attempt has begun whose end was not counted.
    private var isAttempting = false

    init(_ context: ClientContext, _ tally: ConnectionTally, actorName: String) {
        (diagnostics, self.tally, self.actorName) = (context.diagnostics, tally, actorName)
        number = context.nextConnectionNumber()
    }

    /// What a status is the end of, and as what that is counted.
    enum End: String {
        case connection = "lost"
        case attempt = "failed"
    }

    /// Before anybody hears the status, so that who does finds it counted.
    mutating func count(_ status: ConnectionStatus) -> End? {
        if case .connecting(let attempt) = status { self.attempt = attempt }
        let wasAttempting = isAttempting
        isAttempting = if case .connecting = status { true } else { false }
        let wasOpen = isCountedAsOpen
        isCountedAsOpen = if case .connected = status { true } else { false }
        switch status {
        case .connecting: break
        case .connected: tally.noteOpening()
        case _ where wasOpen:
            tally.noteLoss()
            return .connection
        case .waiting, .closed(.failed):
            guard wasAttempting else { break }
            tally.noteFailedAttempt()
            return .attempt
        case .paused, .closed(.requested): break
        }
        return nil
    }

    func say(_ status: ConnectionStatus, _ end: End?) {
        diagnostics.send(Diagnostic(status, end, connection: number, attempt: attempt, actor: actorName))
    }

    func say(_ kind: EventLosses.Kind, of event: String, _ count: Int) {
        diagnostics.send(Diagnostic(kind, of: event, count, connection: number, attempt: attempt, actor: actorName))
    }

    func sayNudged() {
        diagnostics.send(
            Diagnostic(
                .trace,
                "nudged",
                connection: number,
                attempt: attempt,
                actor: actorName,
                measurement: Diagnostic.Measurement(name: "rivet.nudges", value: 1, unit: "1")
            )
        )
    }

    func sayDropped(answer id: UInt64) {
        guard diagnostics.isRead else { return }
        diagnostics.send(
            Diagnostic(
                .debug,
                "an answer came that nobody waits for any more",
                connection: number,
                attempt: attempt,
                actor: actorName,
                ["action_id": "\(id)"]
            )
        )
    }

    func sayReleased() {
        diagnostics.send(
            Diagnostic(
                .warning,
                "a connection was released without disconnect(); it is being closed",
                connection: number,
                attempt: attempt,
                actor: actorName
            )
        )
    }
}

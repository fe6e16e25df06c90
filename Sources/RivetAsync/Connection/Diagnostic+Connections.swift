// SPDX-License-Identifier: Apache-2.0

/// What a connection's changes look like to who listens (B213–B218): no token, parameter or payload is in them.
extension Diagnostic {
    /// A line about a connection: its number within the client, that of its attempt, and the actor's name.
    init(
        _ level: Level,
        _ message: String,
        connection: UInt64,
        attempt: Int,
        actor: String,
        _ more: KeyValuePairs<String, String> = [:],
        measurement: Measurement? = nil
    ) {
        var fields = [
            Field(name: "connection", value: "\(connection)"), Field(name: "attempt", value: "\(attempt)"),
            Field(name: "actor", value: actor),
        ]
        for (name, value) in more { fields.append(Field(name: name, value: value)) }
        self.init(level, message, fields, measurement: measurement)
    }

    /// Events that a listener did not get (B295).
    init(
        _ kind: EventLosses.Kind,
        of event: String,
        _ count: Int,
        connection: UInt64,
        attempt: Int,
        actor: String
    ) {
        let (level, message): (Level, String) =
            switch kind {
            case .dropped: (.warning, "events were dropped, since their reader was slower than its buffer allows")
            case .undecodable: (.warning, "events did not decode, and were passed over")
            case .finished: (.warning, "a sequence of events ended, since its reader was slower than its buffer allows")
            case .reconnected: (.debug, "events may have been missed while the connection was lost")
            case .outran: (.warning, "a snapshot is loaded again, since more events came meanwhile than are kept")
            case .loadFailed: (.warning, "a snapshot is loaded again, since that failed")
            case .loadAbandoned: (.debug, "what loads a snapshot was left running when its reader went")
            }
        self.init(
            level,
            message,
            connection: connection,
            attempt: attempt,
            actor: actor,
            ["event": event, "kind": kind.rawValue, "count": "\(count)"],
            measurement: kind == .dropped || kind == .undecodable
                ? Measurement(name: "rivet.events.\(kind.rawValue)", value: Double(count), unit: "events") : nil
        )
    }

    /// What a change of status says; `attempt` is the one that led to it, and `end` tells what it is the end of:
    /// openings and ends are counted in pairs (B138).
    init(_ status: ConnectionStatus, _ end: ConnectionReporter.End?, connection: UInt64, attempt: Int, actor: String) {
        let ended = end.map { Measurement(name: "rivet.connections.\($0.rawValue)", value: 1, unit: "1") }
        switch status {
        case .connecting:
            self.init(.debug, "connecting", connection: connection, attempt: attempt, actor: actor)
        case .connected(let info):
            self.init(
                .debug,
                "connected",
                connection: connection,
                attempt: attempt,
                actor: actor,
                ["actor_id": info.actorID.rawValue, "connection_id": info.connectionID],
                measurement: Measurement(name: "rivet.connections.opened", value: 1, unit: "1")
            )
        case .waiting(let state):
            self.init(
                .warning,
                "waiting to connect again",
                connection: connection,
                attempt: attempt,
                actor: actor,
                [
                    "next_attempt": "\(state.attempt)", "delay": "\(state.delay)", "cause": state.cause.description,
                ],
                measurement: ended
            )
        case .paused:
            self.init(.debug, "paused", connection: connection, attempt: attempt, actor: actor, measurement: ended)
        case .closed(.requested):
            self.init(.debug, "closed", connection: connection, attempt: attempt, actor: actor, measurement: ended)
        case .closed(.failed(let error)):
            self.init(
                .warning,
                "closed for good",
                connection: connection,
                attempt: attempt,
                actor: actor,
                ["cause": error.description],
                measurement: ended
            )
        }
    }
}

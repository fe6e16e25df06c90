// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// JavaScript's values in answers over HTTP, in answers on a connection, and in events.
    @Suite struct ValueTests {
        struct Row: Sendable, CustomTestStringConvertible {
            let engine: EngineRow
            let way: Way
            var testDescription: String { "\(engine.testDescription), \(way)" }
        }
        enum Way: CaseIterable { case http, connection, event }

        static let rows = EngineRow.all.flatMap { engine in Way.allCases.map { Row(engine: engine, way: $0) } }

        /// What comes of a value.
        enum Outcome: Equatable {
            case value(RivetValue)
            /// The connection was closed with this code, and the action ran.
            case closed(String)
            /// Nothing came, and the connection lives.
            case lost
        }

        @Test("each value, each way", arguments: rows)
        func each(_ row: Row) async throws {
            try await row.engine.run { check in
                let actor = check.actor(Values.self)
                let conn = actor.connect()
                var events = conn.events(of: Values.Value.self).deliveries.makeAsyncIterator()
                for sample in Sample.all {
                    let outcome: Outcome
                    switch row.way {
                    case .http: outcome = .value(try await actor.send(Values.Get(name: sample.name)))
                    case .connection: outcome = try await Self.answer(conn, sample.name)
                    case .event: outcome = try await Self.event(conn, sample.name, &events)
                    }
                    let expected = sample.outcome(row.way, row.engine)
                    #expect(Outcome.areEqual(outcome, expected), "\(sample.name): \(outcome) instead of \(expected)")
                }
                await conn.disconnect()
            }
        }

        private static func answer(_ conn: ActorConnection<Values>, _ name: String) async throws -> Outcome {
            do {
                return .value(try await conn.send(Values.Get(name: name)))
            } catch let error as RivetError where error.remote?.closeCode == .internalError {
                #expect(error.execution == .mayHaveRun)
                return .closed("\(error.remote?.group ?? "").\(error.remote?.code ?? "")")
            }
        }

        /// Behind each event comes one that always arrives, so that a lost one is seen.
        private static func event(
            _ conn: ActorConnection<Values>,
            _ name: String,
            _ events: inout EventDeliveries<Values.Value>.AsyncIterator
        ) async throws -> Outcome {
            try await conn.send(Values.Tell(name: name))
            try await conn.action("tell", "emptyText")
            var outcome = Outcome.lost
            while case .event(let event)? = try await events.next() {
                if event.value == "", name != "emptyText" || outcome != .lost { return outcome }
                outcome = .value(event.value)
            }
            Issue.record("no event behind \(name)")
            return outcome
        }

        @Test("values to an actor and back", arguments: EngineRow.all)
        func echo(_ row: EngineRow) async throws {
            let values: [RivetValue] = [
                nil, true, false, 0, -1, 255, 65_536, 4_294_967_295, 0.5, "", "ä€😀", [], [1, [2, [3]]],
                ["a": ["b": nil]],
                ["$other", 1], ["$$", 1],
            ]
            try await row.run { check in
                let echo = check.actor(Echo.self)
                try await echo.withConnection { conn throws in
                    for value in values {
                        #expect(try await echo.send(Echo.Identity(value: value)) == value)
                        #expect(try await conn.send(Echo.Identity(value: value)) == value)
                    }
                }
            }
        }
    }
}

extension Sample {
    func outcome(_ way: EndToEnd.ValueTests.Way, _ row: EngineRow) -> EndToEnd.ValueTests.Outcome {
        switch (kind, row.encoding, way) {
        case (.plain, .bare, _), (.plain, .cbor, .connection), (.plain, .cbor, .event): .value(value)
        // The server's own JSON value stands in between, and sorts.
        case (.plain, _, _): .value(value.sorted)
        case (_, .bare, _): .value(value)
        case (.date, .cbor, .http) where row.differs(.dates), (.date, .json, _) where row.differs(.dates):
            .value(.string(dateText))
        case (_, _, .http), (.notFinite, .json, _): .value(.null)
        case (_, .cbor, _): .value(value)
        case (_, .json, .connection): .closed("actor.send_failed")
        case (_, .json, .event): .lost
        }
    }

    private var dateText: String {
        name == "date" ? "2025-08-06T20:37:26.123Z" : "2025-08-06T20:37:26.000Z"
    }
}

extension EndToEnd.ValueTests.Outcome {
    /// NaN is not equal to itself.
    static func areEqual(_ a: Self, _ b: Self) -> Bool {
        if case .value(.double(let a)) = a, case .value(.double(let b)) = b { return a == b || a.isNaN && b.isNaN }
        return a == b
    }
}

extension RivetValue {
    /// With all members in the order of their names.
    var sorted: RivetValue {
        switch self {
        case .array(let elements): .array(elements.map(\.sorted))
        case .map(let members):
            .map(members.map { Member($0.key, $0.value.sorted) }.sorted { "\($0.key)" < "\($1.key)" })
        default: self
        }
    }
}

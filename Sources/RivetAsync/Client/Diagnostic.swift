// SPDX-License-Identifier: Apache-2.0

/// One line of what the library has to say about itself: a log line, with a number where there is one to count.
///
/// It never holds a token, a parameter, an argument, an output or an event's payload.
public struct Diagnostic: Sendable {
    /// How much attention a line deserves.
    @nonexhaustive public enum Level: String, Sendable {
        /// Every step, for debugging the library itself.
        case trace
        /// What a person wants to see while debugging a program.
        case debug
        /// What a person should look at.
        case warning
    }

    /// A named value, for structured logs.
    public struct Field: Sendable {
        /// The name, in lower case with underscores.
        public let name: String
        /// The value as text.
        public let value: String
    }

    /// A number to put into a metric.
    public struct Measurement: Sendable {
        /// The metric's name.
        public let name: String
        /// The number.
        public let value: Double
        /// Its unit, such as `s` or `events`.
        public let unit: String
    }

    /// One end of a piece of work, for tracing: a call, and within it its metadata request, lookups and tries; and an
    /// attempt of a connection.
    public struct Span: Sendable {
        /// What is done.
        public let name: String
        /// Unique within the client.
        public let id: UInt64
        /// The span around it.
        public let parent: UInt64?
        /// False where it begins, true where it ends.
        public let ended: Bool
    }

    /// How much attention the line deserves.
    public let level: Level
    /// What happened.
    public let message: String
    /// The values that belong to it.
    ///
    /// Lines about a connection begin with `connection`, its number within the client, `attempt`, the number of the
    /// attempt in the current outage (1, 2, …), as in ``ConnectionStatus``, and `actor`; they share these until the next
    /// attempt. Lines about a call begin with `call`, the number of its span. Further names: `kind`, `name`,
    /// `event`, `transport`, `outcome` (`ok`, `cancelled` or the error's code), `execution`, `tries`, `try`, `wait`, `cause`,
    /// `error` (group and code of Rivet's error), `actor_id`, `connection_id`, `ray_id`, `close_code`, `count`, and
    /// `action_id`, of an answer that comes too late.
    public let fields: [Field]
    /// The number to count, where the line has one.
    ///
    /// Each call has one `rivet.client.call.duration`, in seconds, at its end. Events that a listener did not get are
    /// counted in `rivet.events.dropped` and `rivet.events.undecodable`, at most once a second for each sequence. Of connections,
    /// `rivet.connections.opened` and `rivet.connections.lost` come in pairs, whatever ended one, and attempts that opened
    /// none are `rivet.connections.failed`.
    public let measurement: Measurement?
    /// The span that begins or ends here.
    public let span: Span?

    package init(
        _ level: Level,
        _ message: String,
        _ fields: [Field] = [],
        measurement: Measurement? = nil,
        span: Span? = nil
    ) {
        self.level = level
        self.message = message
        self.fields = fields
        self.measurement = measurement
        self.span = span
    }
}

extension Diagnostic {
    /// What a reader gets in the place of lines that it was too slow for (B217).
    fileprivate init(missed: Int) {
        self.init(
            .warning,
            "diagnostics were missed",
            [Field(name: "count", value: "\(missed)")],
            measurement: Measurement(name: "rivet.diagnostics.missed", value: Double(missed), unit: "lines")
        )
    }
}

/// What the library has to say, as a sequence; it is silent otherwise.
///
/// Each iterator is a reader of its own with the newest 1,024 lines; a slow one loses the oldest and holds nobody up. In
/// the place of what it lost it gets one line, `diagnostics were missed`, with the measurement
/// `rivet.diagnostics.missed`, in lines.
/// Copies of an iterator share its lines: each goes to one of them. It ends when the client is closed or the reading task is cancelled.
public struct DiagnosticSequence: AsyncSequence, Sendable {
    let lines: Broadcast<Diagnostic>

    /// Reads the lines that come after it was made.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: Broadcast<Diagnostic>.Reader

        init(_ reader: Broadcast<Diagnostic>.Reader) { self.reader = reader }

        /// The next line; nil at the end.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async -> Diagnostic? {
            let missed = reader.takeDropped()
            return missed == 0 ? await reader.next() : Diagnostic(missed: missed)
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(lines.reader()) }
}

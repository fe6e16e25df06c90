// SPDX-License-Identifier: Apache-2.0

/// One line of the table: what is done, and what it is held against.
struct Benchmark: Sendable {
    enum Group: String, Sendable, CaseIterable {
        case framing, codecs, events, loopback, calls, bulk, connections

        var title: String {
            switch self {
            case .framing: "WebSocket frames"
            case .codecs: "Codecs"
            case .events: "Events, from bytes to `for await`"
            case .loopback: "Loopback, against the reference server"
            case .calls: "Calls, opening and events, against an engine"
            case .bulk: "Bulk transfer"
            case .connections: "Many connections"
            }
        }
    }

    /// A ratio to the baseline that the project wants to keep.
    ///
    /// It is printed, never asserted.
    enum Goal: Sendable {
        case timeAtMost(Double)
        case speedAtLeast(Double)

        /// `ratio` is our time divided by the baseline's.
        func isMet(by ratio: Double) -> Bool {
            switch self {
            case .timeAtMost(let limit): ratio <= limit
            case .speedAtLeast(let limit): ratio > 0 && 1 / ratio >= limit
            }
        }
    }

    /// Case and size, such as `decode, 32 bytes, unmasked`; unique in its group.
    var name: String
    var group: Group
    /// What one operation is: `frame`, `message`, `round trip`.
    var operation: String
    /// Only with `--full` or when a filter names it.
    var isLong = false
    var goal: Goal?
    /// Asserted: more allocations for each operation fail the run.
    var maxAllocations: Double?
    /// The same of system calls, where they are counted.
    var maxSystemCalls: Double?
    var measure: @Sendable (BenchmarkContext) async throws -> Measurement

    var path: String { "\(group.rawValue)/\(name)" }
}

/// What a case found out.
struct Measurement: Sendable {
    /// Nanoseconds for each operation, one value a sample.
    var samples: [Double]
    /// The baseline's, taken in turn with ours, so that both meet the same machine.
    var baseline: [Double] = []
    var baselineName = "memcpy"
    /// Bytes for each operation; 0 where that says nothing.
    var bytes = 0.0
    /// Processor time of this process for each operation, in nanoseconds, one value a sample.
    var cpu: [Double] = []
    /// The ratio compares processor time, and `baseline` holds such.
    var comparesProcessorTime = false
    var allocations: Double?
    var systemCalls: Double?
    var checksum: UInt64
    /// A figure of another kind, such as memory for each connection.
    var note: String?
}

/// A case whose result was wrong; its time would mean nothing.
struct BenchmarkError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

extension Benchmark {
    /// A pass over prepared data: it does `operations` operations and returns a checksum of what they gave.
    struct Pass {
        var operations: Int
        var bytes: Int = 0
        var run: () throws -> UInt64
        /// The same work as cheap as it can be (a `memcpy` of the same bytes): also `operations` operations.
        var baseline: (() -> UInt64)?
        var baselineName = "memcpy"
        /// What the checksum has to be, where it can be computed in another way.
        var expected: UInt64?
    }

    /// A case without `await`: `prepare` makes the data outside the measured part, the pass is timed many times.
    static func repeated(
        _ name: String,
        _ group: Group,
        of operation: String,
        isLong: Bool = false,
        goal: Goal? = nil,
        maxAllocations: Double? = nil,
        prepare: @escaping @Sendable () throws -> Pass
    ) -> Benchmark {
        Benchmark(
            name: name,
            group: group,
            operation: operation,
            isLong: isLong,
            goal: goal,
            maxAllocations: maxAllocations
        ) { context in
            try context.measure(try prepare())
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
public import Logging
public import RivetAsync

extension RivetClient {
    /// Logs what the client has to say about itself, until it is closed or the task is cancelled.
    ///
    /// The lines of the trace level are many; a logger whose level is above them costs next to nothing. Without anybody
    /// who reads ``RivetClient/diagnostics`` nothing is measured, so a service that logs nothing pays nothing.
    ///
    /// - Parameter logger: `source` is `RivetAsync`; the lines' fields become metadata.
    public nonisolated func log(to logger: Logger) async {
        for await line in diagnostics {
            logger.log(
                level: Logger.Level(line.level),
                "\(line.message)",
                metadata: line.metadata,
                source: "RivetAsync"
            )
        }
    }
}

extension RivetConfiguration {
    /// Logs each call when it has ended, with the logger of the task that made it (`Logger.current`).
    ///
    /// So a line carries the metadata of the request in which the call was made. What `aroundCall` was before runs inside.
    ///
    /// - Parameter level: of calls that succeeded; `debug` by default. Failed ones are warnings, cancelled ones have `level`.
    public mutating func logCalls(at level: Logger.Level = .debug) {
        wrapCalls { info, call in
            let (clock, metadata) = (ContinuousClock(), info.metadata)
            let start = clock.now
            do {
                try await call()
                let took: Logger.Metadata = ["duration": "\(clock.now - start)"]
                Logger.current.log(level: level, "call", metadata: metadata.merging(took) { $1 }, source: "RivetAsync")
            } catch {
                let outcome: Logger.Metadata = ["duration": "\(clock.now - start)", "error": "\(error)"]
                Logger.current.log(
                    level: error is CancellationError ? level : .warning,
                    "call failed",
                    metadata: metadata.merging(outcome) { $1 },
                    source: "RivetAsync"
                )
                throw error
            }
        }
    }

    /// Puts `around` around what runs around each call now.
    mutating func wrapCalls(
        _ around: @escaping @Sendable (_ info: CallInfo, _ call: () async throws -> Void) async throws -> Void
    ) {
        let inner = aroundCall
        aroundCall = { info, call in
            try await around(info) {
                if let inner { try await inner(info, call) } else { try await call() }
            }
        }
    }
}

extension CallInfo {
    /// Names only: no argument, key or answer.
    fileprivate var metadata: Logger.Metadata {
        [
            "rivet.call": "\(kind.rawValue)", "rivet.actor": "\(actorName)", "rivet.name": "\(name)",
            "rivet.transport": overConnection ? "connection" : "http",
        ]
    }
}

extension Diagnostic {
    fileprivate var metadata: Logger.Metadata {
        Logger.Metadata(fields.map { ("rivet.\($0.name)", "\($0.value)") }) { _, last in last }
    }
}

extension Logger.Level {
    fileprivate init(_ level: Diagnostic.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .warning: self = .warning
        default: self = .info
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// What the library said of every call, held against what really ran.
struct KillVerdict: Sendable {
    private(set) var callsOverHTTP = 0
    private(set) var callsOverConnections = 0
    private(set) var ok = 0
    private(set) var notSent = 0
    private(set) var mayHaveRun = 0
    /// Calls that failed with the word that they ran.
    private(set) var ran = 0
    /// Calls that the test's own end cut off.
    private(set) var cancelled = 0
    /// Each call whose word is not what happened.
    private(set) var lies: [String] = []
    /// Each call that outlived its deadline and `grace`.
    private(set) var hangs: [String] = []
    /// Each error that is not the library's.
    private(set) var strangers: [String] = []
    /// Tags that stand in the log more than once: Rivet runs again what was under way (h8, i4).
    private(set) var runMoreThanOnce = 0

    /// - Parameters:
    ///   - calls: every call that was made.
    ///   - log: what really ran.
    ///   - grace: how far behind its deadline a call may end; a busy machine needs some.
    init(_ calls: [KillCall], _ log: KillRunLog, grace: Duration) {
        for call in calls {
            let starts = log.starts[call.tag] ?? 0
            if starts > 1 { runMoreThanOnce += 1 }
            count(call, hasRun: starts > 0)
            guard let ended = call.ended, call.word != nil else {
                hangs.append("\(call.name) has no end")
                continue
            }
            let took = ended - call.began
            if took > call.limit + grace { hangs.append("\(call.name) ended after \(took)") }
        }
    }

    private mutating func count(_ call: KillCall, hasRun: Bool) {
        switch call.way {
        case .http: callsOverHTTP += 1
        case .connection: callsOverConnections += 1
        }
        switch call.word {
        case .ok:
            ok += 1
            if !hasRun { lies.append("\(call.name) was answered and did not run") }
        case .failed(.notSent, let text):
            notSent += 1
            if hasRun { lies.append("\(call.name) ran and failed with: \(text)") }
        case .failed(.ran, let text):
            ran += 1
            if !hasRun { lies.append("\(call.name) did not run and failed with: \(text)") }
        case .failed(.mayHaveRun, _):
            mayHaveRun += 1
        case .stranger(let text):
            strangers.append("\(call.name) failed with: \(text)")
        case .cancelled:
            cancelled += 1
        case nil:
            break
        }
    }

    /// One line of all counts.
    var summary: String {
        """
        \(callsOverHTTP + callsOverConnections) calls (\(callsOverHTTP) over HTTP, \(callsOverConnections) over \
        connections): \(ok) ok, \(notSent) notSent, \(mayHaveRun) mayHaveRun, \(ran) ran with an error, \
        \(lies.count) lies, \(hangs.count) hangs, \(runMoreThanOnce) tags that Rivet ran more than once
        """
    }
}

extension KillCall {
    fileprivate var name: String {
        switch way {
        case .http(let number): "\(tag) over HTTP to actor \(number), begun at \(began), deadline \(limit),"
        case .connection(let number): "\(tag) over connection \(number), begun at \(began), deadline \(limit),"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// What the kill test is told by its environment.
struct KillSettings: Sendable {
    /// What is killed and started again.
    enum Service: String, Sendable, CaseIterable {
        case actors, engine
    }

    /// Shell commands; the one that starts returns when what it starts answers.
    struct Commands: Sendable {
        let kill: String
        let start: String
    }

    let endpoint: String
    let commands: [Service: Commands]
    /// Where the actors write every action that really ran.
    let runLog: String
    /// At least how many calls; 2,000 unless `RIVET_TEST_KILL_CALLS` says otherwise.
    let calls: Int
    /// How long calls are made, at most; 75 unless `RIVET_TEST_KILL_SECONDS` says otherwise.
    let seconds: Int

    /// Of the process; without any of the variables there is no test.
    static let ofEnvironment = KillSettings { RealEngine.variable($0) }
    /// The reason that is printed where there is no test.
    static let whyNot = "the kill test was not run: " + missing { RealEngine.variable($0) }
    /// Enough for a slow engine before and behind the calls.
    static let minutes = 5 + (ofEnvironment?.seconds ?? 0) / 60

    private static let needed = [
        "RIVET_TEST_ENDPOINT", "RIVET_TEST_KILL_ACTORS", "RIVET_TEST_START_ACTORS", "RIVET_TEST_KILL_ENGINE",
        "RIVET_TEST_START_ENGINE", "RIVET_TEST_RUN_LOG",
    ]

    /// "A is not set", "A and B are not set"; empty where all are set.
    static func missing(_ variable: (String) -> String?) -> String {
        let names = needed.filter { variable($0) == nil }
        guard let last = names.last else { return "" }
        guard names.count > 1 else { return "\(last) is not set" }
        return names.dropLast().joined(separator: ", ") + " and \(last) are not set"
    }

    /// Nil where a variable is missing.
    init?(_ variable: (String) -> String?) {
        guard let endpoint = variable("RIVET_TEST_ENDPOINT"), let runLog = variable("RIVET_TEST_RUN_LOG") else {
            return nil
        }
        var commands: [Service: Commands] = [:]
        for service in Service.allCases {
            let name = service.rawValue.uppercased()
            guard let kill = variable("RIVET_TEST_KILL_\(name)"), let start = variable("RIVET_TEST_START_\(name)")
            else {
                return nil
            }
            commands[service] = Commands(kill: kill, start: start)
        }
        self.endpoint = endpoint
        self.commands = commands
        self.runLog = runLog
        calls = variable("RIVET_TEST_KILL_CALLS").flatMap { Int($0) } ?? 2_000
        seconds = variable("RIVET_TEST_KILL_SECONDS").flatMap { Int($0) } ?? 75
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Runs the cases that the command line selects.
struct BenchmarkCommand {
    var options: BenchmarkOptions
    var cases: [Benchmark]

    /// Returns the exit status: 1 when a case failed.
    func run() async throws -> Int32 {
        let selected = cases.filter(options.selects)
        switch options.mode {
        case .help:
            print(BenchmarkOptions.help, terminator: "")
            return 0
        case .list:
            for benchmark in cases { print(benchmark.path + (benchmark.isLong ? "  (--full)" : "")) }
            return 0
        case .serve:
            try ReferenceServer.serve()
            return 0
        case .serveEngine:
            try await RateEngine.serve()
            return 0
        case .serveStreams(let directory):
            try StreamPeer.serve(certificateIn: directory)
            return 0
        case .nudges(let endpoint):
            try await NudgeComparison(endpoint: endpoint, tries: options.isFull ? 400 : 60).run()
            return 0
        case .run where selected.isEmpty:
            throw BenchmarkError("no case matches; --list shows them")
        case .run:
            return try await measure(selected)
        }
    }

    private func measure(_ selected: [Benchmark]) async throws -> Int32 {
        let server = ReferenceServerProcess()
        let engine = ReferenceServerProcess(["--serve-engine"])
        defer {
            server.stop()
            engine.stop()
        }
        let context = BenchmarkContext(options, server: server, engine: engine)
        let (date, commit) = (BenchmarkReport.today(), BenchmarkReport.commit())
        var run = BenchmarkRun(machine: Self.machine, date: date, commit: commit, results: [])
        var failures: [String] = []
        let start = Clocks.now
        print("RivetAsync benchmarks on \(run.machine), \(date)\(commit.map { ", commit \($0)" } ?? "")")
        #if DEBUG
        print("This is a debug build: its figures mean nothing. Use `swift run -c release`.")
        #endif
        print(BenchmarkTable.heading)
        for group in Benchmark.Group.allCases {
            let members = selected.filter { $0.group == group }
            if members.isEmpty { continue }
            print(group.title)
            for benchmark in members {
                do {
                    let result = BenchmarkResult(benchmark, try await benchmark.measure(context))
                    run.results.append(result)
                    print(BenchmarkTable.line(benchmark, result))
                    failures += Self.excesses(benchmark, result)
                } catch {
                    print("  \(benchmark.name): failed: \(error)")
                    failures.append("\(benchmark.path): \(error)")
                }
                fflush(nil)
            }
        }
        print("\(run.results.count) cases in \(BenchmarkTable.number(Double(Clocks.now - start) / 1e9, 1)) s")
        try report(run)
        for failure in failures { print("failed: \(failure)") }
        return failures.isEmpty ? 0 : 1
    }

    /// What was asserted and does not hold.
    private static func excesses(_ benchmark: Benchmark, _ result: BenchmarkResult) -> [String] {
        let limits = [
            ("allocations", result.allocations, benchmark.maxAllocations),
            ("system calls", result.systemCalls, benchmark.maxSystemCalls),
        ]
        return limits.compactMap { what, found, limit in
            guard let found, let limit, found > limit else { return nil }
            let (count, most) = (BenchmarkTable.number(found, 1), BenchmarkTable.number(limit, 1))
            return "\(benchmark.path): \(count) \(what) a \(benchmark.operation), at most \(most)"
        }
    }

    private func report(_ run: BenchmarkRun) throws {
        if let file = options.jsonFile {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try encoder.encode(run).write(to: URL(filePath: file))
        }
        if let file = options.markdownFile {
            let command = "swift run -c release Benchmarks " + options.arguments.joined(separator: " ")
            try BenchmarkReport.write(run, of: cases, by: command, to: file)
        }
        if let file = options.chartFile { try BenchmarkChart.write(run, of: cases, to: file) }
        if let file = options.compareFile {
            let old = try JSONDecoder().decode(BenchmarkRun.self, from: Data(contentsOf: URL(filePath: file)))
            print(BenchmarkTable.comparison(run, with: old))
        }
    }

    private static var machine: String {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
        let name = model.map { $0.trimmingCharacters(in: .whitespaces) } ?? "an unknown processor"
        return "\(name), \(ProcessInfo.processInfo.activeProcessorCount) cores"
    }
}

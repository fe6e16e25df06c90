// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The results as a section of a Markdown file, between two comments that stay.
enum BenchmarkReport {
    private static let start = "<!-- benchmarks -->"
    private static let end = "<!-- end of benchmarks -->"

    /// Puts the results in the place of those that are there.
    static func write(_ run: BenchmarkRun, of benchmarks: [Benchmark], by command: String, to file: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        guard let before = text.range(of: start), let after = text.range(of: end), before.upperBound < after.lowerBound
        else { throw BenchmarkError("\(file) has no place between \"\(start)\" and \"\(end)\"") }
        let section = self.section(run, benchmarks, command)
        let result = text[..<before.upperBound] + "\n" + section + text[after.lowerBound...]
        try String(result).write(toFile: file, atomically: true, encoding: .utf8)
    }

    private static func section(_ run: BenchmarkRun, _ benchmarks: [Benchmark], _ command: String) -> String {
        let when = [run.date, run.commit.map { "commit \($0)" }].compactMap { $0 }.joined(separator: ", ")
        var section = "\(when), on \(run.machine), by\n`\(command)`:\n\n"
        section += "| Case | Time | CPU | Allocations | System calls | Beside |\n"
        section += "| --- | --- | --- | --- | --- | --- |\n"
        for result in run.results {
            guard let benchmark = benchmarks.first(where: { $0.path == result.path }) else { continue }
            let spread = BenchmarkTable.number(result.spreadPercent, 0)
            let cells = [
                benchmark.name, "\(BenchmarkTable.time(result.nanoseconds)) ± \(spread) %",
                result.cpuNanoseconds.map(BenchmarkTable.time) ?? "",
                result.allocations.map { BenchmarkTable.number($0, $0 < 10 ? 2 : 0) } ?? "",
                result.systemCalls.map { BenchmarkTable.number($0, 1) } ?? "", BenchmarkTable.ratio(benchmark, result),
            ]
            section += "| " + cells.joined(separator: " | ") + " |\n"
        }
        return section
    }

    static func today() -> String { Date.now.formatted(.iso8601.year().month().day()) }

    /// The commit of the folder that the command runs in.
    static func commit() -> String? {
        let git = Process()
        let output = Pipe()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        git.waitUntilExit()
        return text.isEmpty ? nil : text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

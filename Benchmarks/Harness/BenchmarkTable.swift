// SPDX-License-Identifier: Apache-2.0

/// The results as text, a line for each case.
enum BenchmarkTable {
    private static let nameWidth = 44

    static var heading: String {
        pad("", nameWidth) + right("time", 12) + right("±%", 6) + right("GB/s", 8) + right("CPU", 11)
            + right("allocs", 9) + "  " + pad("ratio", 48) + "sum"
    }

    static func line(_ benchmark: Benchmark, _ result: BenchmarkResult) -> String {
        var line = pad("  " + benchmark.name, nameWidth)
        line += right(time(result.nanoseconds), 12)
        line += right(number(result.spreadPercent, 0), 6)
        line += right(result.bytes > 0 ? number(result.bytes / result.nanoseconds, 2) : "", 8)
        line += right(result.cpuNanoseconds.map(time) ?? "", 11)
        line += right(result.allocations.map { number($0, $0 < 10 ? 2 : 0) } ?? "", 9)
        line += "  " + pad(ratio(benchmark, result), 48)
        line += hexadecimal(result.checksum)
        if let note = result.note { line += "\n" + pad("", 6) + note }
        return line
    }

    static func ratio(_ benchmark: Benchmark, _ result: BenchmarkResult) -> String {
        guard let ratio = result.ratio, let name = result.baselineName else { return "" }
        switch benchmark.goal {
        case nil: return "\(number(ratio, 2)) × \(name)"
        case .timeAtMost(let limit)?:
            let verdict = benchmark.goal?.isMet(by: ratio) == true ? "" : " (missed)"
            return "\(number(ratio, 2)) × \(name), goal ≤ \(number(limit, 1))\(verdict)"
        case .speedAtLeast(let limit)?:
            let verdict = benchmark.goal?.isMet(by: ratio) == true ? "" : " (missed)"
            return "\(number(1 / ratio, 2)) of \(name), goal ≥ \(number(limit, 1))\(verdict)"
        }
    }

    /// How each case changed against an earlier run.
    static func comparison(_ new: BenchmarkRun, with old: BenchmarkRun) -> String {
        let earlier = Dictionary(old.results.map { ($0.path, $0) }) { first, _ in first }
        var lines = ["Change against the earlier run (\(old.machine)):"]
        for result in new.results {
            guard let before = earlier[result.path], before.nanoseconds > 0 else {
                lines.append(pad("  " + result.path, nameWidth + 10) + "new")
                continue
            }
            let change = (result.nanoseconds / before.nanoseconds - 1) * 100
            var line = pad("  " + result.path, nameWidth + 10)
            line += right(time(before.nanoseconds), 12) + " → " + pad(time(result.nanoseconds), 12)
            line += right((change >= 0 ? "+" : "") + number(change, 0) + " %", 8)
            if let a = before.ratio, let b = result.ratio { line += "   ratio \(number(a, 2)) → \(number(b, 2))" }
            if let a = before.allocations, let b = result.allocations, a != b {
                line += "   allocations \(number(a, 2)) → \(number(b, 2))"
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }

    static func time(_ nanoseconds: Double) -> String {
        switch nanoseconds {
        case ..<100: number(nanoseconds, 1) + " ns"
        case ..<10_000: number(nanoseconds, 0) + " ns"
        case ..<10_000_000: number(nanoseconds / 1_000, 1) + " µs"
        default: number(nanoseconds / 1_000_000, 1) + " ms"
        }
    }

    static func number(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "–" }
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    private static func hexadecimal(_ checksum: UInt64) -> String {
        let digits = String(checksum, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}

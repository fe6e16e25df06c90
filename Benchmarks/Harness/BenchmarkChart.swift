// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The results that have a baseline as a picture: how many times the baseline's time each takes.
///
/// The axis is logarithmic, so that a case twice as slow as its baseline is as far from it as one twice as fast, and one
/// case far out does not hide the others.
enum BenchmarkChart {
    private static let (left, width, right, row, top) = (360.0, 420.0, 150.0, 24.0, 64.0)

    private static let style = """
        svg { background: #fff } text { fill: #222 } .grid { stroke: #ccc } .floor { stroke: #222 }
        .met { fill: #3a7d44 } .missed { fill: #b5482f } .free { fill: #5b6f8f }
        .goal { stroke: #222; stroke-width: 2 }
        @media (prefers-color-scheme: dark) {
            svg { background: #111 } text { fill: #ddd } .grid { stroke: #444 } .floor, .goal { stroke: #ddd }
        }
        """

    static func write(_ run: BenchmarkRun, of benchmarks: [Benchmark], to file: String) throws {
        let bars = run.results.compactMap { result -> Bar? in
            guard let ratio = result.ratio, ratio > 0, let case_ = benchmarks.first(where: { $0.path == result.path })
            else { return nil }
            return Bar(name: case_.name, ratio: ratio, baseline: result.baselineName ?? "", goal: case_.goal)
        }
        guard !bars.isEmpty else { throw BenchmarkError("no case that was measured has a baseline to be drawn beside") }
        try svg(bars, run).write(toFile: file, atomically: true, encoding: .utf8)
    }

    private struct Bar {
        var name: String
        var ratio: Double
        var baseline: String
        var goal: Benchmark.Goal?

        /// The goal as a ratio of times.
        var limit: Double? {
            switch goal {
            case .timeAtMost(let limit): limit
            case .speedAtLeast(let limit): 1 / limit
            case nil: nil
            }
        }

        var isMissed: Bool { goal.map { !$0.isMet(by: ratio) } ?? false }
    }

    private static func svg(_ bars: [Bar], _ run: BenchmarkRun) -> String {
        let logarithms = bars.flatMap { [$0.ratio, $0.limit ?? 1] }.map { log2($0) }
        let (low, high) = (min(floor(logarithms.min() ?? 0), 0), max(ceil(logarithms.max() ?? 0), 1))
        func x(_ ratio: Double) -> Double { left + (log2(ratio) - low) / (high - low) * width }
        let bottom = top + Double(bars.count) * row
        let (totalWidth, totalHeight) = (left + width + right, bottom + 28)
        var lines = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(totalWidth)) \(number(totalHeight))" \
            role="img" font-family="sans-serif">
            """,
            "<title>Time beside the least possible</title>",
            "<style>\(style)</style>",
            text("Time (or CPU) of RivetAsync, as a multiple of the baseline's of the run", x: 12, y: 22, size: 15),
            text(
                [run.date, run.commit.map { "commit \($0)" }, run.machine].compactMap { $0 }.joined(separator: ", "),
                x: 12,
                y: 42
            ),
        ]
        for power in Int(low)...Int(high) {
            let ratio = exp2(Double(power))
            lines.append(line(power == 0 ? "floor" : "grid", at: x(ratio), from: top, to: bottom))
            let name = power < 0 ? "1/\(Int(exp2(Double(-power))))" : "\(Int(ratio))"
            lines.append(text(name, x: x(ratio), y: bottom + 18, anchor: "middle"))
        }
        for (index, bar) in bars.enumerated() {
            let y = top + Double(index) * row
            let (from, to) = (min(x(1), x(bar.ratio)), max(x(1), x(bar.ratio)))
            let kind = bar.goal == nil ? "free" : bar.isMissed ? "missed" : "met"
            lines.append(text(bar.name, x: left - 8, y: y + 16, anchor: "end"))
            lines.append(
                """
                <rect class="\(kind)" x="\(number(from))" y="\(number(y + 4))" width="\(number(to - from))" \
                height="\(number(row - 8))"/>
                """
            )
            if let limit = bar.limit {
                lines.append(line("goal", at: x(limit), from: y + 2, to: y + row - 2))
            }
            let ratio = BenchmarkTable.number(bar.ratio, bar.ratio < 10 ? 2 : 0)
            let label = "\(ratio) × \(bar.baseline)" + (bar.isMissed ? " (goal missed)" : "")
            lines.append(text(label, x: max(to, bar.limit.map(x) ?? to) + 6, y: y + 16))
        }
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    private static func number(_ value: Double) -> String { BenchmarkTable.number(value, 1) }

    private static func line(_ kind: String, at x: Double, from top: Double, to bottom: Double) -> String {
        """
        <line class="\(kind)" x1="\(number(x))" x2="\(number(x))" y1="\(number(top))" y2="\(number(bottom))"/>
        """
    }

    private static func text(
        _ text: String,
        x: Double,
        y: Double,
        anchor: String = "start",
        size: Int = 13
    ) -> String {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        return """
            <text x="\(number(x))" y="\(number(y))" text-anchor="\(anchor)" font-size="\(size)">\(escaped)</text>
            """
    }
}

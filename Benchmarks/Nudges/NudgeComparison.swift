// SPDX-License-Identifier: Apache-2.0
import Glibc
import RivetAsync

/// Whether nudges pay where they are used, and cost nothing where they are not: against a running engine of Rivet's, with
/// actors in JavaScript and in Rust (Tests/RealEngineTests says which).
///
/// Three clients take turns: one that learns, as by default, one that nudges whatever it can, and one that never does.
struct NudgeComparison {
    var endpoint: String
    /// How many tries of each row and client are counted.
    var tries: Int

    enum Variant: String, CaseIterable {
        case learned
        case always
        case never
    }

    /// More than this against the better of the other two is too much.
    private static let maxRatio = 1.1
    /// So many tries in a row, so that each client is met as a lone user meets it.
    private static let block = 5
    private static let warmUp = 20

    func run() async throws {
        print(
            "Nudges on \(endpoint): median / mean of \(tries) tries, in ms, after \(Self.warmUp) that are not counted; "
                + "± is the standard error of the ratio of the means"
        )
        let names = Variant.allCases.map { BenchmarkTable.right($0.rawValue, 17) }.joined()
        print(BenchmarkTable.pad("", 44) + names + BenchmarkTable.right("learned / best", 20))
        for host in NudgeRow.Host.allCases {
            print("\(host.rawValue) host")
            for kind in NudgeRow.Kind.allCases {
                do {
                    print(Self.line(kind, try await measure(kind, host)))
                } catch {
                    print("  \(kind.rawValue): failed: \(error)")
                }
                fflush(nil)
            }
        }
    }

    private func measure(_ kind: NudgeRow.Kind, _ host: NudgeRow.Host) async throws -> [Variant: [Double]] {
        var rows: [(variant: Variant, client: RivetClient, row: NudgeRow)] = []
        for variant in Variant.allCases {
            var configuration = try RivetConfiguration(endpoint: endpoint, poolName: host.pool)
            configuration.replyNudge = variant == .never ? .off : .automatic
            configuration.nudgesAlways = variant == .always
            let client = RivetClient(configuration)
            // An actor for each, so that none has to do with another's connection.
            let actor = client.getOrCreate(host.actor, ["nudges", variant.rawValue, "\(kind)"])
            rows.append((variant, client, try await NudgeRow(kind, host, actor)))
        }
        var times: [Variant: [Double]] = [:]
        for round in 0..<(Self.warmUp + max(tries, 1)) / Self.block {
            // In any order: what one client leaves behind between engine and actors, the next one pays for.
            for index in rows.indices.shuffled() {
                for _ in 0..<Self.block {
                    let time = try await rows[index].row.time()
                    if round >= Self.warmUp / Self.block {
                        times[rows[index].variant, default: []].append(Double(time) / 1_000_000)
                    }
                }
            }
        }
        for (_, client, row) in rows {
            await row.end()
            await client.close()
        }
        return times
    }

    private static func line(_ kind: NudgeRow.Kind, _ times: [Variant: [Double]]) -> String {
        var line = BenchmarkTable.pad("  " + kind.rawValue, 44)
        var (medians, means, errors): ([Variant: Double], [Variant: Double], [Variant: Double]) = ([:], [:], [:])
        for variant in Variant.allCases {
            let sorted = times[variant, default: []].sorted()
            let (median, mean) = (BenchmarkResult.median(sorted), sorted.reduce(0, +) / Double(sorted.count))
            (medians[variant], means[variant]) = (median, mean)
            errors[variant] = relativeError(sorted, mean)
            line += BenchmarkTable.right("\(BenchmarkTable.number(median, 1)) / \(BenchmarkTable.number(mean, 1))", 17)
        }
        let ratios = [medians, means].map { values in
            values[.learned, default: 0] / min(values[.always, default: 0], values[.never, default: 0])
        }
        let best: Variant = means[.always, default: 0] < means[.never, default: 0] ? .always : .never
        let error = ratios[1] * hypot(errors[.learned, default: 0], errors[best, default: 0])
        line += BenchmarkTable.right(
            ratios.map { BenchmarkTable.number($0, 2) }.joined(separator: " / ")
                + " ± \(BenchmarkTable.number(error, 2))",
            20
        )
        return line + (ratios.contains { $0 > maxRatio } ? "  over \(BenchmarkTable.number(maxRatio, 2))" : "")
    }

    /// The standard error of the mean, as a part of it: a few stalls of 40 ms more or less move a mean of 6 ms by as much.
    private static func relativeError(_ values: [Double], _ mean: Double) -> Double {
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(max(values.count - 1, 1)) / Double(values.count)).squareRoot() / mean
    }
}

// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Hears a connection's events.
final class ChaosListener: Sendable {
    private let last = Monitor(0, gauge: ResourceGauge())
    private let listening: Task<[[Int]], any Error>

    /// Where it `isWhole`, each count is one more than the one before, but behind a gap.
    init(_ connection: ActorConnection<ChaosCounter>, isWhole: Bool) {
        let deliveries = connection.events(of: ChaosCounter.NewCount.self, buffering: .bounded(100_000, .finish))
            .deliveries
        listening = Task { [last] in
            var counts: [[Int]] = [[]]
            for try await delivery in deliveries {
                switch delivery {
                case .event(let event):
                    let (before, isBehindGap) = (last.current, counts[counts.count - 1].isEmpty)
                    if isWhole, isBehindGap ? event.count <= before : event.count != before + 1 {
                        Issue.record("\(event.count) came behind \(before)\(isBehindGap ? " and a gap" : "")")
                    }
                    counts[counts.count - 1].append(event.count)
                    last.update { $0 = event.count }
                case .gap(.reconnected):
                    counts.append([])
                case .gap(let gap):
                    Issue.record("\(gap)")
                }
            }
            return counts
        }
    }

    /// The last that it has heard.
    var count: Int { last.current }

    func stop() { listening.cancel() }

    /// All that it has heard, from gap to gap, once it is stopped.
    func heard() async throws -> [[Int]] { try await listening.value }
}

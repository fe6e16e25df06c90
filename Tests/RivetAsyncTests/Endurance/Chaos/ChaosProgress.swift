// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

@testable import RivetAsync

/// Says every ten seconds what a run waits for.
final class ChaosProgress: Sendable {
    private let drivers: [ConnectionDriver]
    private let start = ContinuousClock.now
    private let phase = Mutex("opening")

    init(_ drivers: [ConnectionDriver]) { self.drivers = drivers }

    func enter(_ phase: String) { self.phase.withLock { $0 = phase } }

    func run() async throws {
        while true {
            try await Task.sleep(for: .seconds(10))
            let closed = drivers.indices.compactMap { number -> String? in
                switch drivers[number].statuses.latest {
                case .connected: nil
                case let status: "\(number) \(status.map { "\($0)" } ?? "new")"
                }
            }
            print(
                """
                chaos: \((ContinuousClock.now - start).components.seconds) s, \(phase.withLock { $0 }): \
                \(closed.count) of \(drivers.count) not open\(closed.first.map { ", the first: \($0)" } ?? "")
                """
            )
            fflush(nil)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

/// Checks, after each test, that no client, engine, lane or clock that was made in it holds anything any more.
struct LeavesNothing: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { testCase == nil ? nil : self }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let gauges = Gauges()
        try await ResourceGauge.$observer.withValue({ gauges.add($0) }) { try await function() }
        for gauge in gauges.all { #expect(gauge.counts == .zero) }
    }

    private final class Gauges: Sendable {
        private let gauges = Mutex<[ResourceGauge]>([])

        func add(_ gauge: ResourceGauge) { gauges.withLock { $0.append(gauge) } }

        var all: [ResourceGauge] { gauges.withLock { $0 } }
    }
}

extension Trait where Self == LeavesNothing {
    static var leavesNothing: Self { LeavesNothing() }
}

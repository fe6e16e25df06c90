// SPDX-License-Identifier: Apache-2.0
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
        let made = ResourceGauge.Made()
        try await ResourceGauge.$made.withValue(made) { try await function() }
        for gauge in made.all { #expect(gauge.counts == .zero) }
    }
}

extension Trait where Self == LeavesNothing {
    static var leavesNothing: Self { LeavesNothing() }
}

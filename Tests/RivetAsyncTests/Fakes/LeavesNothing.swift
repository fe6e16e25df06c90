// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// Checks, after each test, that no client, engine, lane or clock that was made in it holds anything any more.
struct LeavesNothing: SuiteTrait, TestTrait, TestScoping {
    /// `RIVET_TEST_CONTAINERS=anew` codes every value without a container of another one.
    static let containersAnew: Bool = {
        let isWanted = ProcessInfo.processInfo.environment["RIVET_TEST_CONTAINERS"] == "anew"
        if isWanted { ContainerReuse.isOn = false }
        return isWanted
    }()

    var isRecursive: Bool { true }

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { testCase == nil ? nil : self }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        _ = Self.containersAnew
        let made = ResourceGauge.Made()
        try await ResourceGauge.$made.withValue(made) { try await function() }
        // Code of the user's that was given up is counted until it ends, and nobody else waits for that (B317).
        try? await until { made.all.allSatisfy { $0.counts.tasks == 0 } }
        for gauge in made.all { #expect(gauge.counts == .zero) }
    }
}

extension Trait where Self == LeavesNothing {
    static var leavesNothing: Self { LeavesNothing() }
}

// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// What of swift-metrics is used here, by its form alone.

public protocol MetricsFactory: Sendable {}

public enum MetricsSystem {
    private struct Nothing: MetricsFactory {}
    public static var factory: any MetricsFactory { Nothing() }
}

public final class Counter: Sendable {
    public init(label: String, dimensions: [(String, String)], factory: any MetricsFactory) {}
    public func increment(by amount: some BinaryInteger) {}
}

public final class Timer: Sendable {
    public init(label: String, dimensions: [(String, String)], factory: any MetricsFactory) {}
    public func recordSeconds(_ duration: some BinaryFloatingPoint) {}
}

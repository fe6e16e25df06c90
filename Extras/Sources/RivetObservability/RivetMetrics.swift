// SPDX-License-Identifier: Apache-2.0
public import Metrics
public import RivetAsync

extension RivetClient {
    /// Records what the client measures, until it is closed or the task is cancelled.
    ///
    /// Times become timers, everything else counters, under the names that ``Diagnostic/Measurement`` has, such as
    /// `rivet.client.call.duration` and `rivet.connections.lost`. Dimensions are those with few values: what kind of call,
    /// the actor's name, the action's, over what it went, and how it ended.
    ///
    /// - Parameter factory: `MetricsSystem.factory` by default.
    public nonisolated func record(with factory: any MetricsFactory = MetricsSystem.factory) async {
        for await line in diagnostics {
            guard let measurement = line.measurement else { continue }
            let dimensions = line.fields.filter { Self.dimensions.contains($0.name) }.map { ($0.name, $0.value) }
            if measurement.unit == "s" {
                Timer(label: measurement.name, dimensions: dimensions, factory: factory)
                    .recordSeconds(measurement.value)
            } else {
                Counter(label: measurement.name, dimensions: dimensions, factory: factory)
                    .increment(by: Int64(measurement.value))
            }
        }
    }

    private static let dimensions: Set = ["kind", "actor", "name", "transport", "outcome"]
}

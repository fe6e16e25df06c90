// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Ours and the baseline, over sockets that both keep for all samples, taken in turn.
struct Alternation {
    /// Of one run, and of one run of the baseline.
    var operations: Int
    var bytes: Int
    var run: @Sendable () async throws -> UInt64
    var baseline: () throws -> Void
    var expected: UInt64
    /// Where `run` prefers to be; nil for Swift's own pool.
    var executor: (any TaskExecutor)?
    var end: () async -> Void
    /// The peer's process, where that is not the reference server.
    var peer: pid_t?
}

extension LoopbackBenchmarks {
    static func alternating(
        _ name: String,
        of operation: String,
        group: Benchmark.Group = .loopback,
        isLong: Bool = false,
        goal: Benchmark.Goal?,
        baselineName: String = "raw loop",
        comparesProcessorTime: Bool = false,
        onOneCore: Bool = false,
        prepare: @escaping @Sendable (_ port: UInt16) async throws -> Alternation
    ) -> Benchmark {
        Benchmark(name: name, group: group, operation: operation, isLong: isLong, goal: goal) { context in
            let server = try context.server.start()
            let pair = try await prepare(server.port)
            let oneCore = onOneCore ? try Cores.together(with: pair.peer ?? server.process) : nil
            defer { oneCore?.end() }
            var measurement = Measurement(samples: [], checksum: pair.expected)
            measurement.baselineName = comparesProcessorTime ? "\(baselineName)'s CPU" : baselineName
            measurement.comparesProcessorTime = comparesProcessorTime
            measurement.bytes = Double(pair.bytes) / Double(pair.operations)
            // The first round warms both up and is not counted.
            for round in 0...context.sampleCount {
                let (time, processor) = try await timed(pair)
                let (rawTime, rawProcessor) = try timedBaseline(pair)
                guard round > 0 else { continue }
                measurement.samples.append(time)
                measurement.cpu.append(processor)
                measurement.baseline.append(comparesProcessorTime ? rawProcessor : rawTime)
            }
            let run = pair.run
            let (_, allocations) = try await context.countingAllocations { try await run() }
            measurement.allocations = allocations.map { Double($0) / Double(pair.operations) }
            await pair.end()
            return measurement
        }
    }

    private static func timed(_ pair: Alternation) async throws -> (time: Double, processor: Double) {
        let run = pair.run
        let body: @concurrent @Sendable () async throws -> (UInt64, UInt64, UInt64) = {
            let (start, startProcessor) = (Clocks.now, Clocks.processor)
            let checksum = try await run()
            return (Clocks.now - start, Clocks.processor - startProcessor, checksum)
        }
        // A preference, even for no executor in particular, makes every change of executor look for it.
        let task = pair.executor.map { Task(executorPreference: $0, operation: body) } ?? Task(operation: body)
        let (time, processor, checksum) = try await task.value
        guard checksum == pair.expected else {
            throw BenchmarkError("the checksum is \(checksum) instead of \(pair.expected)")
        }
        return (Double(time) / Double(pair.operations), Double(processor) / Double(pair.operations))
    }

    private static func timedBaseline(_ pair: Alternation) throws -> (time: Double, processor: Double) {
        let (start, startProcessor) = (Clocks.now, Clocks.processor)
        try pair.baseline()
        let (time, processor) = (Clocks.now - start, Clocks.processor - startProcessor)
        return (Double(time) / Double(pair.operations), Double(processor) / Double(pair.operations))
    }
}

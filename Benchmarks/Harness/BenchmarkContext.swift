// SPDX-License-Identifier: Apache-2.0
import CAllocationCounter
import Glibc

/// The tools of a case: clocks, the allocation counter, the reference server, a word about progress.
final class BenchmarkContext: Sendable {
    let isFull: Bool
    let countsSystemCalls: Bool
    let server: ReferenceServerProcess
    private let engine: ReferenceServerProcess
    private let endpoint: String?

    init(_ options: BenchmarkOptions, server: ReferenceServerProcess, engine: ReferenceServerProcess) {
        isFull = options.isFull
        countsSystemCalls = options.countsSystemCalls
        endpoint = options.endpoint
        self.server = server
        self.engine = engine
    }

    /// Where calls go, and the process that answers them, where it is ours.
    func callPeer() throws -> (endpoint: String, process: pid_t?) {
        if let endpoint { return (endpoint, nil) }
        let (port, process) = try engine.start()
        return ("http://127.0.0.1:\(port)", process)
    }

    /// Samples of one case.
    ///
    /// The median of so many is steady on a machine that does other things too.
    var sampleCount: Int { isFull ? 31 : 11 }
    /// How long calls are made for one sample, in nanoseconds.
    var callTime: UInt64 { 100_000_000 }
    /// The least time of one sample, in nanoseconds: long beside the clock's own cost.
    var sampleTime: UInt64 { 10_000_000 }

    /// Says what is going on, on the terminal's error output, where it does not mix with the table.
    func progress(_ text: String) {
        printError("    " + text)
    }

    /// Counts the allocations of all threads while `body` runs; nil where they cannot be counted.
    nonisolated(nonsending) func countingAllocations<R>(
        _ body: () async throws -> R
    ) async rethrows -> (R, UInt64?) {
        guard allocations_are_counted() else { return (try await body(), nil) }
        allocations_start()
        defer { _ = allocations_stop() }
        let result = try await body()
        return (result, allocations_stop())
    }

    func measure(_ pass: Benchmark.Pass) throws -> Measurement {
        let checksum = try pass.run()
        if let expected = pass.expected, checksum != expected {
            throw BenchmarkError("the checksum is \(checksum) instead of \(expected)")
        }
        let repeats = try self.repeats { try pass.run() }
        let baselineRepeats = pass.baseline.map { run in self.repeats { run() } }
        var samples: [Double] = []
        var baseline: [Double] = []
        for _ in 0..<sampleCount {
            let start = Clocks.now
            for _ in 0..<repeats where try pass.run() != checksum {
                throw BenchmarkError("the checksum differs between two passes")
            }
            samples.append(Double(Clocks.now - start) / Double(repeats * pass.operations))
            guard let run = pass.baseline, let baselineRepeats else { continue }
            let baselineStart = Clocks.now
            for _ in 0..<baselineRepeats { consume(run()) }
            baseline.append(Double(Clocks.now - baselineStart) / Double(baselineRepeats * pass.operations))
        }
        var measurement = Measurement(samples: samples, checksum: checksum)
        measurement.baseline = baseline
        measurement.baselineName = pass.baselineName
        measurement.bytes = Double(pass.bytes) / Double(pass.operations)
        if allocations_are_counted() {
            allocations_start()
            consume(try pass.run())
            measurement.allocations = Double(allocations_stop()) / Double(pass.operations)
        }
        return measurement
    }

    /// How many passes make one sample.
    private func repeats(_ run: () throws -> UInt64) rethrows -> Int {
        consume(try run())
        let start = Clocks.now
        consume(try run())
        return max(1, Int(sampleTime / max(Clocks.now - start, 1)))
    }
}

/// Keeps the optimiser from leaving out what makes `value`.
@inline(never)
@_optimize(none)
func consume(_ value: UInt64) {}

/// Writes a line to the error output.
func printError(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

enum Clocks {
    /// Monotonic time, in nanoseconds.
    static var now: UInt64 { read(CLOCK_MONOTONIC) }
    /// Processor time of the whole process, in nanoseconds.
    static var processor: UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// The same of another process; 0 when that has ended.
    static func processor(of process: pid_t) -> UInt64 {
        var clock = clockid_t()
        return clock_getcpuclockid(process, &clock) == 0 ? read(clock) : 0
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

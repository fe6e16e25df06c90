// SPDX-License-Identifier: Apache-2.0

/// A case and its figures, as kept in a file.
struct BenchmarkResult: Codable {
    var path: String
    var operation: String
    var nanoseconds: Double
    /// Half the distance between the first and the third quartile, in percent of the median.
    var spreadPercent: Double
    var bytes: Double
    var ratio: Double?
    var baselineName: String?
    var cpuNanoseconds: Double?
    var allocations: Double?
    var systemCalls: Double?
    var checksum: UInt64
    var note: String?

    init(_ benchmark: Benchmark, _ measurement: Measurement) {
        path = benchmark.path
        operation = benchmark.operation
        let sorted = measurement.samples.sorted()
        nanoseconds = Self.median(sorted)
        let quartiles = sorted.isEmpty ? 0 : sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]
        spreadPercent = nanoseconds > 0 ? quartiles / 2 / nanoseconds * 100 : 0
        bytes = measurement.bytes
        if !measurement.baseline.isEmpty {
            let ours = measurement.comparesProcessorTime ? Self.median(measurement.cpu.sorted()) : nanoseconds
            let theirs = Self.median(measurement.baseline.sorted())
            ratio = theirs > 0 ? ours / theirs : nil
            baselineName = measurement.baselineName
        }
        cpuNanoseconds = measurement.cpu.isEmpty ? nil : Self.median(measurement.cpu.sorted())
        allocations = measurement.allocations
        systemCalls = measurement.systemCalls
        checksum = measurement.checksum
        note = measurement.note
    }

    static func median(_ sorted: [Double]) -> Double {
        sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}

/// One run: what was measured, where.
struct BenchmarkRun: Codable {
    var machine: String
    /// The day, and the commit of the folder that it ran in; not in files of earlier versions.
    var date: String?
    var commit: String?
    var results: [BenchmarkResult]
}

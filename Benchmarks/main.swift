// SPDX-License-Identifier: Apache-2.0
import Glibc

// Each file of cases adds its list here.
let cases =
    MemoryBenchmarks.all + FramingBenchmarks.all + CodecBenchmarks.all + ClientBenchmarks.all + LoopbackBenchmarks.all
    + CallBenchmarks.all + StreamBenchmarks.all

do {
    let options = try BenchmarkOptions(Array(CommandLine.arguments.dropFirst()))
    exit(try await BenchmarkCommand(options: options, cases: cases).run())
} catch {
    printError("\(error)")
    exit(2)
}

// SPDX-License-Identifier: Apache-2.0

/// The command line.
struct BenchmarkOptions {
    enum Mode: Equatable {
        case run, list, help, serve, serveEngine
        case serveStreams(certificateIn: String?)
        case nudges(endpoint: String)
    }

    var mode = Mode.run
    var filters: [String] = []
    var isFull = false
    var countsSystemCalls = false
    /// Where the calls go; nil for a local engine of their own.
    var endpoint: String?
    var jsonFile: String?
    var compareFile: String?
    var markdownFile: String?
    var chartFile: String?
    /// All of them, as given.
    var arguments: [String] = []

    static let help = """
        Measures RivetAsync and prints a table.

        swift run -c release [Benchmarks OPTIONS]         (the name may be left out where no option follows)

          --filter WORD    only cases whose `group/name` contains WORD; may be given more than once
          --full           more samples, and the long cases too (bulk transfer, thousands of connections)
          --system-calls   also counts the system calls of the calls, by `strace`
          --endpoint URL   sends the calls to the engine at URL, which has the actor `counter`, and not to a local one
          --list           prints the cases and stops
          --json FILE      also writes the results to FILE
          --compare FILE   shows the change against an earlier FILE
          --markdown FILE  also puts the results into FILE, between <!-- benchmarks --> and <!-- end of benchmarks -->
          --svg FILE       also draws the results that have a baseline into FILE
          --nudges URL     compares nudged actions with others on Rivet's own engine at URL, and stops
          --serve          is the reference server of the loopback cases: prints its port, serves until its input ends
          --serve-engine   is the local engine with the actor of the calls, in the same way
          --serve-plain    is the peer of the plain stream cases in the same way
          --serve-tls DIR  is the peer of the TLS stream cases in the same way, with the certificate in DIR
          --help           this text

        Without options it takes less than 90 seconds. Every case checks its own result; `sum` is the checksum.
        `ratio` is our time divided by that of the line's baseline, measured in turn with it in the same run: on a
        busy or slow machine both suffer alike, so ratios can be compared and nanoseconds cannot.

        """

    init(_ arguments: [String]) throws {
        self.arguments = arguments
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--filter": filters.append(try Self.value(of: argument, from: &rest))
            case "--full": isFull = true
            case "--system-calls": countsSystemCalls = true
            case "--endpoint": endpoint = try Self.value(of: argument, from: &rest)
            case "--list": mode = .list
            case "--json": jsonFile = try Self.value(of: argument, from: &rest)
            case "--markdown": markdownFile = try Self.value(of: argument, from: &rest)
            case "--svg": chartFile = try Self.value(of: argument, from: &rest)
            case "--compare": compareFile = try Self.value(of: argument, from: &rest)
            case "--nudges": mode = .nudges(endpoint: try Self.value(of: argument, from: &rest))
            case "--serve": mode = .serve
            case "--serve-engine": mode = .serveEngine
            case "--serve-plain": mode = .serveStreams(certificateIn: nil)
            case "--serve-tls": mode = .serveStreams(certificateIn: try Self.value(of: argument, from: &rest))
            case "--help", "-h": mode = .help
            default: throw BenchmarkError("unknown option \(argument); --help lists them")
            }
        }
    }

    private static func value(of option: String, from rest: inout ArraySlice<String>) throws -> String {
        guard let value = rest.popFirst() else { throw BenchmarkError("\(option) needs a value") }
        return value
    }

    func selects(_ benchmark: Benchmark) -> Bool {
        if filters.isEmpty { return isFull || !benchmark.isLong }
        return filters.contains { benchmark.path.contains($0) }
    }
}

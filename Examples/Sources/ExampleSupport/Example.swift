// SPDX-License-Identifier: Apache-2.0
import Foundation
package import RivetAsync
import RivetAsyncLocal

/// A program that shows one thing; `@main` on the type makes it one.
package protocol Example: SendableMetatype {
    /// What it shows, for `--help`.
    static var summary: String { get }
    /// The actors that it needs.
    static var actors: [any ActorDefinition.Type] { get }
    /// Its own options; none by default.
    static var options: [ExampleOption] { get }
    /// How long it may take before it is ended; nil where a person says when. 45 s by default, of which no example that
    /// ends by itself needs a tenth.
    static var timeLimit: Duration? { get }

    /// The engine that runs in this process where the environment names none.
    static func engine(_ options: Options) throws -> EngineSettings
    /// What it does.
    static func run(_ setup: Setup) async throws
}

/// What the engine in this process is like.
package struct EngineSettings: Sendable {
    /// Where it listens on 127.0.0.1; 0 for any free port.
    package var port: UInt16
    /// Whether the answers to plain HTTP requests pass piece by piece.
    package var streamsBodies: Bool
    /// Whether it has to run, so that the environment may not name another one.
    package var isWanted: Bool

    package init(port: UInt16 = 0, streamsBodies: Bool = false, isWanted: Bool = false) {
        (self.port, self.streamsBodies, self.isWanted) = (port, streamsBodies, isWanted)
    }
}

extension Example {
    package static var options: [ExampleOption] { [] }
    package static var timeLimit: Duration? { .seconds(45) }
    package static func engine(_ options: Options) throws -> EngineSettings { EngineSettings() }

    /// Runs the program on the engine of the environment or on one in this process.
    ///
    /// Results go to standard output. What differs from run to run goes to standard error, and so does an error, as one
    /// line, before the process ends with status 1.
    // `@main` takes no function that runs where its caller does.
    @concurrent package static func main() async {
        let program = CommandLine.arguments.first.map { URL(filePath: $0).lastPathComponent } ?? "\(Self.self)"
        do {
            let options = try Options(CommandLine.arguments.dropFirst(), own: Self.options)
            if options.wantsHelp {
                print(Options.help(program, summary, own: Self.options, actors: actors.map { $0.actorName }))
                return
            }
            try await run(options)
        } catch let error as UsageError {
            quit("\(program): \(error.message)\n\(Options.usage(program, own: Self.options))")
        } catch is CancellationError {
            quit("\(program): interrupted; everything is closed", status: 130)
        } catch {
            quit("\(program): \(Advice.line(for: error, needs: actors.map { $0.actorName }))")
        }
    }

    private static func run(_ options: Options) async throws {
        let environment = ProcessInfo.processInfo.environment["RIVET_ENDPOINT"] ?? ""
        let settings = try engine(options)
        if settings.isWanted, !environment.isEmpty {
            throw UsageError("for an engine in this process unset RIVET_ENDPOINT")
        }
        let engine = environment.isEmpty ? try await startEngine(settings) : nil
        let configuration =
            if let engine { try RivetConfiguration(endpoint: engine.endpoint) } else {
                try RivetConfiguration.fromEnvironment()
            }
        note("engine: \(engine.map { "in this process, at \($0.endpoint)" } ?? configuration.description)")
        if engine == nil { try await askWhetherThisIsRivet(configuration) }

        let setup = Setup(configuration, options, localEndpoint: engine?.endpoint)
        let program = Task {
            try await run(setup)
            try Task.checkCancellation()  // A loop over events ends without an error when its task is cancelled.
        }
        let interruption = Interruption { program.cancel() }
        let limit = timeLimit.map { timeLimit in
            Task {
                try await Task.sleep(for: timeLimit)
                program.cancel()
                throw NothingMoreCame(within: timeLimit)
            }
        }
        let outcome = await program.result
        limit?.cancel()
        interruption.stop()
        await engine?.stop()
        if case .failure(let error as NothingMoreCame) = await limit?.result { throw error }
        try outcome.get()
    }

    private static func startEngine(_ settings: EngineSettings) async throws -> LocalEngine {
        var limits = LocalEngine.Limits()
        limits.streamsBodies = settings.streamsBodies
        return try await LocalEngine.start(transport: .loopback(port: settings.port), limits: limits) {
            $0.addExampleActors()
        }
    }

    /// Looks for an actor that is not there, because "not found" comes at once, and only from Rivet.
    private static func askWhetherThisIsRivet(_ configuration: RivetConfiguration) async throws {
        var configuration = configuration
        configuration.callTimeout = .seconds(5)
        do {
            _ = try await withRivetClient(configuration) { try await $0.get("nothing", ["nobody"]).resolve() }
        } catch let error as RivetError where error.matches("actor", "not_found") {
            return
        } catch let error as RivetError where error.code == .deadlineExceeded {
            throw NoAnswer(within: configuration.callTimeout)
        }
    }
}

/// The program waits for something that does not come.
struct NothingMoreCame: Error {
    let limit: Duration

    init(within limit: Duration) { self.limit = limit }
}

/// Something listens at the endpoint and says nothing.
struct NoAnswer: Error {
    let limit: Duration

    init(within limit: Duration) { self.limit = limit }
}

/// Writes a line to standard error.
package func note(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
}

private func quit(_ line: String, status: Int32 = 1) -> Never {
    fflush(nil)  // What was printed comes first.
    note(line)
    exit(status)
}

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

    /// What it does.
    static func run(_ setup: Setup) async throws
}

extension Example {
    /// Runs the program on the engine of the environment or on one in this process.
    ///
    /// Results go to standard output. What differs from run to run goes to standard error, and so does an error, as one
    /// line, before the process ends with status 1.
    // `@main` takes no function that runs where its caller does.
    @concurrent package static func main() async {
        let program = CommandLine.arguments.first.map { URL(filePath: $0).lastPathComponent } ?? "\(Self.self)"
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            if options.wantsHelp {
                print(Options.help(program, summary, actors: actors.map { $0.actorName }))
                return
            }
            try await run(options)
        } catch let error as UsageError {
            quit("\(program): \(error.message)\n\(Options.usage(program))")
        } catch is CancellationError {
            quit("\(program): interrupted; everything is closed", status: 130)
        } catch {
            quit("\(program): \(Advice.line(for: error, needs: actors.map { $0.actorName }))")
        }
    }

    private static func run(_ options: Options) async throws {
        let environment = ProcessInfo.processInfo.environment["RIVET_ENDPOINT"] ?? ""
        let engine = environment.isEmpty ? try await LocalEngine.start { $0.addExampleActors() } : nil
        let configuration =
            if let engine { try RivetConfiguration(endpoint: engine.endpoint) } else {
                try RivetConfiguration.fromEnvironment()
            }
        note("engine: \(engine.map { "in this process, at \($0.endpoint)" } ?? configuration.description)")
        if engine == nil { try await askWhetherThisIsRivet(configuration) }

        let setup = Setup(configuration, keyPrefix: options.keyPrefix)
        let program = Task {
            try await run(setup)
            try Task.checkCancellation()  // A loop over events ends without an error when its task is cancelled.
        }
        let interruption = Interruption { program.cancel() }
        let limit = Task {
            try await Task.sleep(for: timeLimit)
            program.cancel()
        }
        let outcome = await program.result
        limit.cancel()
        interruption.stop()
        await engine?.stop()
        if (try? await limit.value) != nil { throw NothingMoreCame(within: timeLimit) }
        try outcome.get()
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

/// No example needs a tenth of it.
private let timeLimit = Duration.seconds(45)

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
func note(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
}

private func quit(_ line: String, status: Int32 = 1) -> Never {
    fflush(nil)  // What was printed comes first.
    note(line)
    exit(status)
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
package import RivetAsync

/// What the command line says.
struct Options {
    /// `--javascript`: actors take their arguments by position, as JavaScript functions do.
    var argumentStyle = ArgumentStyle.object
    /// `--key TEXT`: the first part of every key, so that a run meets actors of its own.
    var keyPrefix: [String] = []
    /// `--actor NAME`: what the counter is called on the engine.
    var counterName = "counter"
    var wantsHelp = false

    init() {}

    init(_ arguments: some Sequence<String>) throws(UsageError) {
        var arguments = arguments.makeIterator()
        while let argument = arguments.next() {
            switch argument {
            case "--javascript": argumentStyle = .positional
            case "--key": keyPrefix = [try value(of: argument, arguments.next())]
            case "--actor": counterName = try value(of: argument, arguments.next())
            case "--help", "-h": wantsHelp = true
            default: throw UsageError(message: "unknown option \(argument)")
            }
        }
    }

    private func value(of option: String, _ text: String?) throws(UsageError) -> String {
        guard let text, !text.isEmpty else { throw UsageError(message: "\(option) needs a text behind it") }
        return text
    }

    /// Those of this process, for declarations that depend on them; `main` has reported what is wrong with them.
    static let ofThisProcess = (try? Options(CommandLine.arguments.dropFirst())) ?? Options()

    static func usage(_ program: String) -> String {
        "usage: swift run --package-path Examples \(program) [--javascript] [--key TEXT] [--actor NAME] [--help]"
    }

    static func help(_ program: String, _ summary: String, actors: [String]) -> String {
        """
        \(program): \(summary)

        \(usage(program))

          --javascript  the actors are written in JavaScript: their arguments go by position, not as one object
          --key TEXT    put TEXT in front of every key: a second run on an engine then starts with new actors
          --actor NAME  what the counter is called on the engine; `counter` without this option
          --help        this text

        Without RIVET_ENDPOINT an engine runs in this process. With it, that engine is used and needs these actors:
        \(actors.joined(separator: ", ")).

          RIVET_ENDPOINT   http[s]://[namespace[:token]@]host[:port], for example http://localhost:6420
          RIVET_NAMESPACE  the namespace; `default` without it
          RIVET_TOKEN      the token, where the engine asks for one
          RIVET_POOL       the pool of runners that has the actors; `default` without it
        """
    }
}

/// A command line that cannot be used.
struct UsageError: Error {
    let message: String
}

extension ArgumentStyle {
    /// An actor written in JavaScript takes its arguments by position, one written in Rust takes one object.
    ///
    /// A program that knows its actors says `.positional` or nothing here.
    package static var ofThisRun: ArgumentStyle { Options.ofThisProcess.argumentStyle }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
package import RivetAsync

/// What the command line says.
package struct Options: Sendable {
    /// `--javascript`: actors take their arguments by position, as JavaScript functions do.
    var argumentStyle = ArgumentStyle.object
    /// `--key TEXT`: the first part of every key, so that a run meets actors of its own.
    var keyPrefix: [String] = []
    /// `--actor NAME`: what the counter is called on the engine.
    var counterName = "counter"
    var wantsHelp = false
    private var values: [String: String] = [:]

    init() {}

    /// `own` are those of the example; with nil, what is not known is passed over.
    init(_ arguments: some Sequence<String>, own: [ExampleOption]?) throws(UsageError) {
        var arguments = arguments.makeIterator()
        while let argument = arguments.next() {
            switch argument {
            case "--javascript": argumentStyle = .positional
            case "--key": keyPrefix = [try value(of: argument, arguments.next())]
            case "--actor": counterName = try value(of: argument, arguments.next())
            case "--help", "-h": wantsHelp = true
            default:
                guard let own else { continue }
                guard let option = own.first(where: { $0.name == argument }) else {
                    throw UsageError("unknown option \(argument)")
                }
                values[option.name] = option.value == nil ? "" : try value(of: argument, arguments.next())
            }
        }
    }

    /// What stands behind an option of the example's own; empty for one that takes nothing, nil where it is not there.
    package subscript(_ option: String) -> String? { values[option] }

    /// The port behind an option of the example's own; 0, which is any free one, where it is not there.
    package func port(_ option: String) throws(UsageError) -> UInt16 {
        guard let text = values[option] else { return 0 }
        guard let port = UInt16(text) else { throw UsageError("\(option) needs a port behind it, 0 to \(UInt16.max)") }
        return port
    }

    private func value(of option: String, _ text: String?) throws(UsageError) -> String {
        guard let text, !text.isEmpty else { throw UsageError("\(option) needs a text behind it") }
        return text
    }

    /// Those of this process, for declarations that depend on them; `main` has reported what is wrong with them.
    static let ofThisProcess = (try? Options(CommandLine.arguments.dropFirst(), own: nil)) ?? Options()

    static func usage(_ program: String, own: [ExampleOption]) -> String {
        "usage: swift run --package-path Examples \(program) "
            + (own.map(\.usage) + ["--javascript", "--key TEXT", "--actor NAME", "--help"])
            .map { "[\($0)]" }.joined(separator: " ")
    }

    static func help(_ program: String, _ summary: String, own: [ExampleOption], actors: [String]) -> String {
        """
        \(program): \(summary)

        \(usage(program, own: own))

        \(own.map { "  \($0.usage.padded(to: 12))  \($0.help)\n" }.joined())\
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

/// An option that one example has beside those of all.
package struct ExampleOption: Sendable {
    let name: String
    /// What stands behind it; nil for nothing.
    let value: String?
    let help: String

    package init(_ name: String, _ value: String? = nil, _ help: String) {
        (self.name, self.value, self.help) = (name, value, help)
    }

    var usage: String { value.map { "\(name) \($0)" } ?? name }
}

/// A command line that cannot be used.
package struct UsageError: Error {
    let message: String

    package init(_ message: String) { self.message = message }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }
}

extension ArgumentStyle {
    /// An actor written in JavaScript takes its arguments by position, one written in Rust takes one object.
    ///
    /// A program that knows its actors says `.positional` or nothing here.
    package static var ofThisRun: ArgumentStyle { Options.ofThisProcess.argumentStyle }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Every Swift code block of the documents and of the documentation comments compiles.
///
/// A block that begins with an import is a program. Any other is the body of a function that has what the
/// documents speak of: `client`, `counter`, `conn`, `engine`, and the counter's types.
@Suite(.leavesNothing, .serialized, .timeLimit(.minutes(5)))
struct DocumentationTests {
    static let prelude = """
        import Foundation
        import RivetAsync
        import RivetAsyncLocal

        enum Counter: ActorDefinition {}
        struct Increment: ActorAction { typealias Target = Counter; typealias Output = Int; var amount: Int }
        struct NewCount: ActorEvent { typealias Source = Counter; var count: Int }

        """

    static func fragment(_ number: Int, _ body: String) -> String {
        """
        func block\(number)(
            client: RivetClient, counter: ActorHandle<Counter>, conn: ActorConnection<Counter>, engine: LocalEngine
        ) async throws {
        \(body)
        }

        """
    }

    @Test func everySwiftBlockCompiles() async throws {
        let root = Repository.root
        var files = try Repository.files(below: root.appending(path: "Documentation.docc"), withExtension: "md")
        files += ["README.md", "CONTRIBUTING.md"].map { root.appending(path: $0) }
        files += try Repository.files(below: root.appending(path: "Sources"), withExtension: "swift")
        var fragments = Self.prelude
        var count = 0
        for file in files {
            for block in Self.blocks(in: try String(contentsOf: file, encoding: .utf8)) {
                count += 1
                if block.hasPrefix("import ") {
                    let outcome = try await SwiftCompiler.check(block)
                    #expect(outcome.isAccepted, "\(file.lastPathComponent): \(outcome.output)")
                } else {
                    fragments += "// \(file.lastPathComponent)\n" + Self.fragment(count, block)
                }
            }
        }
        let outcome = try await SwiftCompiler.check(fragments, isProgram: false)
        #expect(outcome.isAccepted, "\(outcome.output)")
        #expect(count > 0)
    }

    /// The text between "```swift" and "```", in Markdown or behind `///`.
    private static func blocks(in text: String) -> [String] {
        var found: [String] = []
        var open: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var content = line.drop { $0 == " " }
            if content.hasPrefix("///") {
                content = content.dropFirst(content.hasPrefix("/// ") ? 4 : 3)
            } else {
                content = line
            }
            if let lines = open {
                if content.drop(while: { $0 == " " }).hasPrefix("```") {
                    found.append(lines.joined(separator: "\n"))
                    open = nil
                } else {
                    open = lines + [content]
                }
            } else if content.drop(while: { $0 == " " }) == "```swift" {
                open = []
            }
        }
        return found
    }
}

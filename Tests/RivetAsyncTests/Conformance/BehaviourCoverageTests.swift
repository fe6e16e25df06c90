// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The rules of the behaviour catalogue, 1 to 319: which of them a test holds.
///
/// A test says so in its title, `@Test("B53: …")` or `@Test("B30, B52: …")`.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct BehaviourCoverageTests {
    static let all = Set(1...319)

    @Test func everyNumberThatATitleNamesIsARule() throws {
        for (number, file) in try Self.claimed() {
            #expect(Self.all.contains(number), "B\(number) in \(file)")
        }
    }

    @Test func everyRuleHasATest() throws {
        let held = Set(try Self.claimed().map(\.number))
        #expect(Self.all.subtracting(held).sorted() == [])
    }

    @Test func everyRuleStandsInTheDocumentationOnce() throws {
        let page = Repository.root.appending(path: "Documentation.docc/Behaviours.md")
        let rule = /- \*\*(\d+)\*\*/
        let numbers = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap { line in
            line.prefixMatch(of: rule).flatMap { Int($0.1) }
        }
        #expect(numbers.sorted() == Self.all.sorted())
    }

    private static func claimed() throws -> [(number: Int, file: String)] {
        let tests = Repository.root.appending(path: "Tests")
        let title = /@Test\(\s*"((?:B\d+(?:, )?)+):/
        return try Repository.files(below: tests, withExtension: "swift").flatMap { file in
            try String(contentsOf: file, encoding: .utf8).matches(of: title).flatMap { match in
                match.1.split(separator: ", ").compactMap { Int($0.dropFirst()) }
                    .map { (number: $0, file: file.lastPathComponent) }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The suites that run on both engines.
///
/// One check at a time: an engine that shares two cores with everything at once starts its actors late.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct EndToEnd {
    @Test func everyDifferenceIsDocumented() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Documentation.docc/LocalEngine.md").standardizedFileURL
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| ") }
        let titles = rows.dropFirst(2).map { $0.split(separator: "|")[0].trimmingCharacters(in: .whitespaces) }
        #expect(titles == Difference.allCases.map(\.rawValue))
    }
}

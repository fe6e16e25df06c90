// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// The page about errors has a row for each code, and each answer in it.
@Suite
struct ErrorTableTests {
    private static func codes() throws -> [String] {
        let source = Repository.root.appending(path: "Sources/RivetAsync/Errors/RivetError+Code.swift")
        return try String(contentsOf: source, encoding: .utf8).matches(of: /Self\(name: "(\w+)"\)/).map { String($0.1) }
    }

    private static func rows() throws -> [[String]] {
        let page = Repository.root.appending(path: "Documentation.docc/Errors.md")
        return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }.map {
            $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func everyCodeHasItsRow() throws {
        let codes = try Self.codes()
        #expect(codes.count == 22)
        #expect(try Self.rows().map { $0[0] }.sorted() == codes.map { "`\($0)`" }.sorted())
    }

    @Test func everyRowHasAllAnswers() throws {
        for row in try Self.rows() {
            #expect(row.count == 6 && row.allSatisfy { !$0.isEmpty }, "\(row)")
            let faults = row[1].split { !$0.isLetter }.map(String.init)
            #expect(["caller", "actor", "server", "network", "by"].contains(faults[0]), "\(row)")
        }
    }

    @Test("B152: everything that is final to a connection stands in its table")
    func everyFinalCauseIsNamed() throws {
        let page = Repository.root.appending(path: "Documentation.docc/Errors.md")
        let table =
            try String(contentsOf: page, encoding: .utf8).split(separator: "## What ends a connection").last ?? ""
        let ends = table.split(separator: "\n").filter { $0.hasSuffix("| the end |") }.joined()
        for name in ErrorClass.finalGroups.union(ErrorClass.finalCodes) {
            #expect(ends.contains("`\(name)`"), "\(name)")
        }
    }

    @Test func aCatchNamesACode() async throws {
        func call(_ error: any Error) -> String {
            do {
                throw error
            } catch RivetError.Code.connectFailed {
                return "connectFailed"
            } catch {
                return "another"
            }
        }
        #expect(call(RivetError(.connectFailed, "", fault: .network)) == "connectFailed")
        #expect(call(RivetError(.tlsFailed, "", fault: .network)) == "another")
        #expect(call(CancellationError()) == "another")
    }
}

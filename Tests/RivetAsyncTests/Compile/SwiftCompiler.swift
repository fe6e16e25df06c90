// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Checks sources against the modules that this test was built with, as a user's compiler would.
enum SwiftCompiler {
    struct Outcome {
        var isAccepted: Bool
        var output: String
    }

    /// The features that the package itself uses, warnings as errors.
    static let flags = [
        "-typecheck", "-swift-version", "6", "-warnings-as-errors",
        "-enable-upcoming-feature", "ExistentialAny",
        "-enable-upcoming-feature", "MemberImportVisibility",
        "-enable-upcoming-feature", "InternalImportsByDefault",
        "-enable-upcoming-feature", "NonisolatedNonsendingByDefault",
        "-enable-upcoming-feature", "InferIsolatedConformances",
    ]

    /// A program has code at its top level; what is no program only declares.
    static func check(_ source: String, isProgram: Bool = true) async throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rivet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: isProgram ? "main.swift" : "source.swift")
        try Data(source.utf8).write(to: file)

        let (isAccepted, lines) = try await ChildProcess.outcome(
            of: "swiftc",
            flags + (isProgram ? [] : ["-parse-as-library"]) + ["-I", modules.path, "-I", cModule.path, file.path]
        )
        return Outcome(
            isAccepted: isAccepted,
            output: lines.joined(separator: "\n").replacing(folder.path + "/", with: "")
        )
    }

    /// The C headers that the library's modules name.
    private static let cModule = Repository.root.appending(path: "Sources/CEpoll/include")

    /// Beside the test's own executable.
    private static let modules: URL = {
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: executable).deletingLastPathComponent().appending(path: "Modules")
    }()
}

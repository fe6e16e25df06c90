// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The files of this package, for tests that read them.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../..").standardizedFileURL

    /// All files of a kind below a directory, in the order of their paths.
    static func files(below directory: URL, withExtension pathExtension: String) throws -> [URL] {
        try FileManager.default.subpathsOfDirectory(atPath: directory.path)
            .filter { $0.hasSuffix("." + pathExtension) && !$0.contains(".build") }
            .sorted()
            .map { directory.appending(path: $0) }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LayeringTests {
    @Test func everyFolderNamesOnlyWhatLiesBelowIt() throws {
        let library = Repository.root.appending(path: "Sources/RivetAsync")
        var files: [LayeringRules.File] = []
        for url in try Repository.files(below: library, withExtension: "swift") {
            let path = String(url.path.dropFirst(library.path.count + 1))
            guard let folder = LayeringRules.folder(ofPath: path) else {
                Issue.record("Sources/RivetAsync/\(path) lies in no folder of LayeringRules")
                continue
            }
            files.append(try Self.file(url, in: folder))
        }
        let local = Repository.root.appending(path: "Sources/RivetAsyncLocal")
        files += try Repository.files(below: local, withExtension: "swift").map {
            try Self.file($0, in: LayeringRules.local)
        }
        #expect(files.count > 20)
        #expect(LayeringRules.violations(in: files) == [])
    }

    private static func file(_ url: URL, in folder: LayeringRules.Folder) throws -> LayeringRules.File {
        LayeringRules.File(
            folder: folder,
            name: url.lastPathComponent,
            tokens: SwiftTokens(try String(contentsOf: url, encoding: .utf8))
        )
    }

    @Test(arguments: [
        ("RivetClient.swift", "."), ("HTTP/HTTPFields.swift", "HTTP"), ("HTTP/Client/HTTPBody.swift", "HTTP/Client"),
        ("Transport/TCP/TCPSocket.swift", "Transport"), ("Support/Thing.swift", nil),
    ])
    func everyFileHasTheRowThatSaysTheMost(_ path: String, _ row: String?) {
        #expect(LayeringRules.folder(ofPath: path)?.name == row)
    }

    /// SwiftPM wants its own line at the top of a manifest.
    @Test func everySwiftFileBeginsWithItsLicence() throws {
        let files = try Repository.files(below: Repository.root, withExtension: "swift")
        let others = try files.filter { file in
            let first = try String(contentsOf: file, encoding: .utf8).prefix { $0 != "\n" }
            return file.lastPathComponent == "Package.swift"
                ? !first.hasPrefix("// swift-tools-version:") : first != "// SPDX-License-Identifier: Apache-2.0"
        }
        #expect(files.count > 300)
        #expect(others.map(\.path) == [])
    }

    struct Planted: CustomTestStringConvertible {
        var testDescription: String
        var low = ""
        var lowFolder = "HTTP"
        var high = ""
        var found: [String]
    }

    static let planted: [Planted] = [
        Planted(
            testDescription: "a higher type",
            low: "struct A {\n    let b: Higher\n}",
            high: "final class Higher {}",
            found: ["HTTP/low.swift:2: names Higher of Client/"]
        ),
        Planted(
            testDescription: "in an interpolation",
            low: #"let a = "\(Higher.x) Higher""#,
            high: "actor Higher {}",
            found: ["HTTP/low.swift:1: names Higher of Client/"]
        ),
        Planted(
            testDescription: "only in comments and strings",
            low: ##"/* /* Higher */ Higher */ let a = #"Higher " Higher"#, b = """##
                + "\"\"\"\nHigher \" Higher\n\"\"\"  // Higher",
            high: "enum Higher {}",
            found: []
        ),
        Planted(
            testDescription: "a member or a nested or private type of the same name is no type of that file",
            low: "let a = Outer.Higher.self\nlet b: Inner\nlet c: Mine",
            high: "enum Higher { struct Inner {} }\nprivate struct Mine {}",
            found: []
        ),
        Planted(
            testDescription: "imports",
            low: "import Foundation\npublic import struct Dispatch.DispatchTime\nimport Synchronization",
            lowFolder: "Bytes",
            found: ["Bytes/low.swift:1: imports Foundation", "Bytes/low.swift:2: imports Dispatch"]
        ),
        Planted(
            testDescription: "asynchronous code in the core",
            low: "struct Machine {\n    func next() async {}\n}",
            found: ["HTTP/low.swift:2: `async` in the core"]
        ),
        Planted(
            testDescription: "a class, a lane and a stream among values",
            low: "final class Machine {\n    let lane: Lane\n    let stream: any ByteStream\n}",
            found: [
                "HTTP/low.swift:1: `class` among values", "HTTP/low.swift:2: `Lane` among values",
                "HTTP/low.swift:3: `ByteStream` among values",
            ]
        ),
        Planted(
            testDescription: "the same in a folder that moves bytes",
            low: "final class Pool {\n    let lane: Lane\n    func next() async {}\n}",
            lowFolder: "HTTP/Client",
            found: []
        ),
        Planted(
            testDescription: "a task parked by hand",
            low: "let a = await withCheckedContinuation { $0.resume() }",
            lowFolder: "HTTP/Client",
            high: "let b = try await withUnsafeThrowingContinuation { list.append($0) }",
            found: [
                "HTTP/Client/low.swift:1: `withCheckedContinuation` outside Waiting/",
                "Client/high.swift:1: `withUnsafeThrowingContinuation` outside Waiting/",
            ]
        ),
        Planted(
            testDescription: "a task parked where tasks are parked",
            low: "let a = await withCheckedContinuation { $0.resume() }",
            lowFolder: "Waiting",
            found: []
        ),
        Planted(
            testDescription: "one name in two folders",
            low: "struct Twice {}",
            high: "struct Twice {}",
            found: ["Client/high.swift:1: Twice is declared in HTTP/ too"]
        ),
    ]

    @Test(arguments: planted)
    func plantedMistakeIsFound(_ planted: Planted) throws {
        let low = try #require(LayeringRules.folders.first { $0.name == planted.lowFolder })
        let high = try #require(LayeringRules.folders.first { $0.name == "Client" })
        let found = LayeringRules.violations(in: [
            LayeringRules.File(folder: low, name: "low.swift", tokens: SwiftTokens(planted.low)),
            LayeringRules.File(folder: high, name: "high.swift", tokens: SwiftTokens(planted.high)),
        ])
        #expect(found == planted.found)
    }
}

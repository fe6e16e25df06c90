// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// Our CBOR against Python's cbor2, both ways; `Tests/CrossCheck/run.sh` installs it.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(5)),
    .enabled(if: ProcessInfo.processInfo.environment["RIVET_CBOR2_PYTHON"] != nil, "cbor2 is not installed")
)
struct CrossCheckTests {
    private static let count = 10_000
    private static let seed: UInt64 = 0x6362_6F72

    @Test func valuesOfBothSidesComeBack() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "crosscheck-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String) -> URL { folder.appending(path: name) }

        var random = RandomValues(seed: Self.seed)
        let values = (0..<Self.count).map { _ in random.value(.nativeCBOR) }
        try Self.write(try values.map { try ValueFormat.nativeCBOR.encode($0) }, to: file("ours"))
        let seed = "\(Self.seed)"
        let count = "\(Self.count)"
        try await Self.run(["exchange", file("ours").path, file("back").path, file("theirs").path, seed, count])

        let back = try Self.read(file("back"))
        #expect(back.count == Self.count)
        for (number, (value, bytes)) in zip(values, back).enumerated() {
            let returned = try ValueFormat.nativeCBOR.decode(RivetValue.self, from: bytes)
            guard TypedValue(returned) != TypedValue(value) else { continue }
            Issue.record("our value \(number) changed: \(value) became \(returned)")
            return
        }

        let theirs = try Self.read(file("theirs"))
        #expect(theirs.count == Self.count)
        let again = try theirs.map {
            try ValueFormat.nativeCBOR.encode(ValueFormat.nativeCBOR.decode(RivetValue.self, from: $0))
        }
        try Self.write(again, to: file("theirsBack"))
        try await Self.run(["verify", file("theirsBack").path, seed, count])
    }

    private static func run(_ arguments: [String]) async throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "CrossCheck/crosscheck.py")
        let python = ProcessInfo.processInfo.environment["RIVET_CBOR2_PYTHON"] ?? "python3"
        try await ChildProcess.run(python, [script.path] + arguments)
    }

    private static func write(_ documents: [ByteChunk], to file: URL) throws {
        var bytes: [UInt8] = []
        for document in documents {
            bytes.append(bigEndian: UInt64(document.count), count: 4)
            bytes += document
        }
        try Data(bytes).write(to: file)
    }

    private static func read(_ file: URL) throws -> [ByteChunk] {
        let bytes = ByteChunk(try Data(contentsOf: file))
        var documents: [ByteChunk] = []
        var position = 0
        while position + 4 <= bytes.count {
            let size = bytes.slice(position..<position + 4).reduce(0) { $0 << 8 | Int($1) }
            documents.append(bytes.slice(position + 4..<position + 4 + size))
            position += 4 + size
        }
        return documents
    }
}

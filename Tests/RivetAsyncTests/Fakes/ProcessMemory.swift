// SPDX-License-Identifier: Apache-2.0
#if os(Linux)
import Foundation
import Testing

/// How much memory this process has from the system; for tests in a process of their own, where nothing else allocates.
enum ProcessMemory {
    /// How much it took at most during `body`, in bytes, beyond what it had before.
    static func growth(during body: () async throws -> Void) async throws -> Int {
        let before = try resident()
        // The greatest size is from now on (proc(5), clear_refs).
        try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        try await body()
        return try size("VmHWM:") - before
    }

    /// How much it has now, in bytes, without what was freed.
    private static func resident() throws -> Int {
        // Not in Glibc's module, so it is asked for by name.
        typealias Trim = @convention(c) (Int) -> CInt
        guard let trim = dlsym(nil, "malloc_trim") else { return .max }
        _ = unsafeBitCast(trim, to: Trim.self)(0)
        return try size("VmRSS:")
    }

    /// Ends the keeping of a backtrace of each error that is thrown, which Swift Testing does in each process.
    static func keepNothingOfErrors() throws {
        for hook in ["_swift_willThrow", "_swift_willThrowTypedImpl"] {
            try #require(dlsym(nil, hook)).assumingMemoryBound(to: Optional<UnsafeRawPointer>.self).pointee = nil
        }
    }

    /// How much is allocated, in bytes.
    ///
    /// Seven seconds from the call: Dispatch gives threads that have nothing to do back after five, and each has kept
    /// some of what was freed there.
    static func allocated() async throws -> Int {
        try await Task.sleep(for: .seconds(7))
        typealias Information = @convention(c) (CInt, UnsafeMutablePointer<FILE>?) -> CInt
        let information = try #require(dlsym(nil, "malloc_info"))
        let file = try #require(tmpfile())
        defer { fclose(file) }
        _ = unsafeBitCast(information, to: Information.self)(0, file)
        rewind(file)
        var text = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&text, 1, text.count, file)
        // The sums over all arenas stand at the end.
        let sums = String(decoding: text[..<count], as: UTF8.self).split(separator: "</heap>").last ?? ""
        let sizes = try ["system type=\"current\"", "type=\"mmap\"", "type=\"fast\"", "type=\"rest\""].map { type in
            let line = sums.split(separator: "<").first { $0.contains(type) }
            let size = line?.split(separator: "size=").last?.split { !$0.isNumber }.first
            return try #require(size.flatMap { Int($0) })
        }
        return sizes[0] + sizes[1] - sizes[2] - sizes[3]
    }

    private static func size(_ field: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix(field) } ?? ""
        let kilobytes = line.split { !$0.isNumber }.first.flatMap { Int($0) }
        return try #require(kilobytes) * 1_024
    }
}
#endif

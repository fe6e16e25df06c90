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

    private static func size(_ field: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix(field) } ?? ""
        let kilobytes = line.split { !$0.isNumber }.first.flatMap { Int($0) }
        return try #require(kilobytes) * 1_024
    }
}
#endif

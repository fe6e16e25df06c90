// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What is typed, or comes through a pipe.
package enum StandardInput {
    package static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// The lines as they come, to the end; for one loop, which a cancelled task leaves at once.
    package static var lines: AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(100))
        // A thread, since it spends its time in a call that blocks. Nothing wakes it from that but input.
        Thread.detachNewThread {
            while let line = readLine() {
                while case .dropped = continuation.yield(line) { Thread.sleep(forTimeInterval: 0.01) }
            }
            continuation.finish()
        }
        return lines
    }

    /// Returns when a line has come, the end, or a cancellation.
    package static func nextLine() async {
        for await _ in lines { return }
    }
}

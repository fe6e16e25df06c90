// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import Foundation
import Synchronization

/// Lines that stay, and on a terminal a last one that says how things are; elsewhere that is a line like the others.
final class Screen: Sendable {
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private let current = Mutex("")

    /// Shows how things are now; nothing happens where that is shown already.
    func show(status: String) {
        current.withLock { current in
            guard status != current else { return }
            current = status
            write(isTerminal ? Self.erasedLine + Self.inverse(status) : "status \(status)\n")
        }
    }

    /// Shows a line above the status; the text is anybody's, so that what would move the cursor is left out.
    func show(_ text: String) {
        let text = String(text.unicodeScalars.filter { $0.properties.generalCategory != .control })
        current.withLock { status in
            write(isTerminal ? "\(Self.erasedLine)\(text)\n\(Self.inverse(status))" : "\(text)\n")
        }
    }

    /// Takes away what the terminal itself has shown of a line: it comes back as an event.
    func lineWasTyped() {
        guard isTerminal, StandardInput.isTerminal else { return }
        current.withLock { write("\u{1B}[1A\(Self.erasedLine)\(Self.inverse($0))") }
    }

    /// Shows the last status, for good.
    func end(_ status: String) {
        show(status: status)
        if isTerminal { write("\n") }
    }

    private static let erasedLine = "\r\u{1B}[K"

    private static func inverse(_ status: String) -> String { "\u{1B}[7m\(status)\u{1B}[0m " }

    private func write(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }
}

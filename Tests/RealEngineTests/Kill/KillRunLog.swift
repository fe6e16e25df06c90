// SPDX-License-Identifier: Apache-2.0

/// The log into which the actors write each action that really runs: `TIME PROCESS work TAG COUNT` at its start.
struct KillRunLog: Sendable {
    /// How often the action of each tag was started.
    let starts: [String: Int]

    /// Reads what `text` says of `tags`; all other lines are somebody else's.
    ///
    /// A process that is killed can leave half a line, to which the next one's first line is appended. So the words are
    /// looked for anywhere in a line, and a tag counts when something follows it: it may be cut off otherwise.
    init(_ text: String, tags: Set<String>) {
        var starts: [String: Int] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            for (index, word) in words.enumerated() where word == "work" && index + 2 < words.count {
                let tag = String(words[index + 1])
                if tags.contains(tag) { starts[tag, default: 0] += 1 }
            }
        }
        self.starts = starts
    }
}

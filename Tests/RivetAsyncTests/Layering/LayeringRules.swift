// SPDX-License-Identifier: Apache-2.0

/// Which folder may name the types of which, and what the core must not contain.
///
/// One module cannot enforce this, so the tests do. A new folder means a new row here and in `Design.md`.
enum LayeringRules {
    struct Folder {
        /// A path below the sources; a folder within a folder has a row of its own where it is something else.
        var name: String
        /// The folders whose types its files may name, besides its own.
        var mayName: Set<String>
        /// What its files must do without.
        var purity = Purity.none
        var modules: Set<String> = ["Synchronization"]
    }

    enum Purity {
        case none
        /// No `async`, lock, clock or random source: bytes, time and keys come in as arguments.
        case core
        /// Nor a class, a lane or a stream: values alone.
        case values
    }

    /// Low to high.
    ///
    /// `.` are the files that lie in no folder: what a user types.
    static let folders: [Folder] = [
        Folder(name: "Bytes", mayName: []),
        Folder(
            name: "Waiting",
            mayName: ["Bytes"],
            modules: ["Synchronization", "Glibc", "Musl", "Darwin"]
        ),
        Folder(name: "Encoding", mayName: ["Bytes"], purity: .core),
        Folder(
            name: "Transport",
            mayName: ["Bytes", "Waiting"],
            modules: ["Synchronization", "Dispatch", "Glibc", "Musl", "Darwin", "CEpoll"]
        ),
        Folder(name: "Definitions", mayName: ["Encoding"], purity: .core),
        Folder(name: "HTTP", mayName: ["Bytes"], purity: .values),
        Folder(name: "HTTP/Client", mayName: ["Bytes", "Waiting", "Transport", "HTTP"]),
        Folder(name: "WebSocket", mayName: ["Bytes", "Waiting", "Transport", "HTTP"], purity: .values),
        Folder(name: "WebSocket/Connection", mayName: ["Bytes", "Waiting", "Transport", "HTTP", "WebSocket"]),
        Folder(name: "Protocol", mayName: ["Bytes", "Encoding", "Definitions"], purity: .values),
        Folder(
            name: "Errors",
            mayName: ["Bytes", "Waiting", "Encoding", "Transport", "Definitions", "HTTP", "WebSocket", "Protocol"]
        ),
        Folder(
            name: "Configuration",
            mayName: ["Bytes", "Encoding", "Transport", "Definitions", "HTTP", "Errors"]
        ),
        Folder(
            name: "Client",
            mayName: [
                "Bytes", "Waiting", "Encoding", "Transport", "Definitions", "HTTP", "HTTP/Client", "Protocol", "Errors",
                "Configuration",
            ]
        ),
        Folder(
            name: "Calls",
            mayName: [
                "Bytes", "Waiting", "Encoding", "Definitions", "HTTP", "Protocol", "Errors", "Configuration", "Client",
            ]
        ),
        Folder(
            name: "Events",
            mayName: ["Bytes", "Waiting", "Encoding", "Definitions", "Protocol", "Errors", "Configuration"]
        ),
        Folder(
            name: "Connection",
            mayName: [
                "Bytes", "Waiting", "Encoding", "Transport", "Definitions", "HTTP", "WebSocket",
                "WebSocket/Connection", "Protocol", "Errors", "Configuration", "Client", "Calls", "Events",
            ]
        ),
        Folder(
            name: ".",
            mayName: [
                "Bytes", "Waiting", "Encoding", "Transport", "Definitions", "HTTP", "HTTP/Client", "WebSocket",
                "WebSocket/Connection", "Protocol", "Errors", "Configuration", "Client", "Calls", "Events",
                "Connection",
            ]
        ),
    ]

    /// The local engine, a module of its own, which is no client.
    static let local = Folder(
        name: "RivetAsyncLocal",
        mayName: [
            "Bytes", "Waiting", "Encoding", "Transport", "Definitions", "HTTP", "HTTP/Client", "WebSocket",
            "WebSocket/Connection", "Protocol", "Errors", "Configuration",
        ],
        modules: ["RivetAsync", "Synchronization"]
    )

    /// What a machine without IO has no use for.
    static let wordsNotInCore: Set = [
        "async", "await", "Task", "Mutex", "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator",
        "CheckedContinuation", "UnsafeContinuation",
    ]
    /// What a value has no use for.
    static let wordsNotInValues: Set = ["class", "Lane", "ByteStream"]

    /// What parks a task.
    static let wordsThatPark: Set = [
        "withCheckedContinuation", "withCheckedThrowingContinuation", "withUnsafeContinuation",
        "withUnsafeThrowingContinuation",
    ]
    /// Where a task is parked; everything else uses what is made there.
    static func parks(_ file: File) -> Bool {
        file.folder.name == "Waiting" || ["EventFeed.swift", "WebSocketInbox.swift"].contains(file.name)
    }

    /// The row of a file, by its path below the sources: the one that says the most of it.
    static func folder(ofPath path: String) -> Folder? {
        guard path.contains("/") else { return folders.first { $0.name == "." } }
        return folders.filter { path.hasPrefix($0.name + "/") }.max { $0.name.count < $1.name.count }
    }

    struct File {
        var folder: Folder
        var name: String
        var tokens: SwiftTokens
    }

    /// What is wrong, one line each; empty when all rules hold.
    static func violations(in files: [File]) -> [String] {
        var owner: [String: String] = [:]
        var found: [String] = []
        for file in files {
            for type in file.tokens.declaredTypes {
                if let other = owner[type.text], other != file.folder.name, file.folder.name != local.name {
                    found.append("\(place(file, type)): \(type.text) is declared in \(other)/ too")
                } else if owner[type.text] == nil {
                    owner[type.text] = file.folder.name
                }
            }
        }
        for file in files {
            let nested = file.tokens.nestedTypes
            for token in file.tokens.names where !nested.contains(token.text) {
                guard let home = owner[token.text], home != file.folder.name else { continue }
                if !file.folder.mayName.contains(home) {
                    found.append("\(place(file, token)): names \(token.text) of \(home)/")
                }
            }
            for module in file.tokens.importedModules where !file.folder.modules.contains(module.text) {
                found.append("\(place(file, module)): imports \(module.text)")
            }
            let unwanted =
                switch file.folder.purity {
                case .none: Set<String>()
                case .core: wordsNotInCore
                case .values: wordsNotInCore.union(wordsNotInValues)
                }
            for token in file.tokens.names where wordsThatPark.contains(token.text) && !parks(file) {
                found.append("\(place(file, token)): `\(token.text)` outside Waiting/")
            }
            for token in file.tokens.names where unwanted.contains(token.text) {
                let what = wordsNotInCore.contains(token.text) ? "in the core" : "among values"
                found.append("\(place(file, token)): `\(token.text)` \(what)")
            }
        }
        return found
    }

    private static func place(_ file: File, _ token: SwiftTokens.Token) -> String {
        "\(file.folder.name)/\(file.name):\(token.line)"
    }
}

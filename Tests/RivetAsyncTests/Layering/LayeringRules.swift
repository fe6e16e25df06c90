// SPDX-License-Identifier: Apache-2.0

/// Which folder may name the types of which, and what the core must not contain.
///
/// One module cannot enforce this, so the tests do. A new folder means a new row here and in `Design.md`.
enum LayeringRules {
    struct Folder {
        var name: String
        /// The folders whose types its files may name, besides its own.
        var mayName: Set<String>
        /// No `async`, lock, clock or random source: bytes, time and keys come in as arguments.
        var isCore = false
        /// The files of a core folder that move bytes.
        var shellFiles: Set<String> = []
        var modules: Set<String> = ["Synchronization"]
    }

    /// Low to high.
    static let folders: [Folder] = [
        Folder(name: "Support", mayName: []),
        Folder(name: "Encoding", mayName: ["Support"], isCore: true),
        Folder(
            name: "Transport",
            mayName: ["Support"],
            modules: ["Synchronization", "Dispatch", "Glibc", "Musl", "Darwin", "CEpoll"]
        ),
        Folder(name: "Definitions", mayName: ["Support", "Encoding"], isCore: true),
        Folder(name: "Errors", mayName: ["Support", "Encoding", "Definitions"]),
        Folder(
            name: "HTTP",
            mayName: ["Support", "Encoding", "Transport", "Definitions", "Errors"],
            isCore: true,
            shellFiles: [
                "HTTPBody.swift", "HTTPCallStop.swift", "HTTPConnectionPool.swift", "HTTPExchange.swift",
                "HTTPRequestBody.swift",
            ]
        ),
        Folder(
            name: "WebSocket",
            mayName: ["Support", "Encoding", "Transport", "Definitions", "Errors", "HTTP"],
            isCore: true,
            shellFiles: [
                "WebSocketConnection.swift", "WebSocketConnection+Open.swift", "WebSocketChannel.swift",
                "WebSocketInbox.swift", "WebSocketOutbox.swift", "WebSocketMessages.swift",
            ]
        ),
        Folder(
            name: "Protocol",
            mayName: ["Support", "Encoding", "Definitions", "Errors", "HTTP"],
            isCore: true
        ),
        Folder(
            name: "Configuration",
            mayName: [
                "Support", "Encoding", "Transport", "Definitions", "Errors", "HTTP", "WebSocket", "Protocol",
            ]
        ),
        Folder(
            name: "Connection",
            mayName: [
                "Support", "Encoding", "Transport", "Definitions", "Errors", "HTTP", "WebSocket", "Protocol",
                "Configuration",
            ]
        ),
        Folder(
            name: "Client",
            mayName: [
                "Support", "Encoding", "Transport", "Definitions", "Errors", "HTTP", "WebSocket", "Protocol",
                "Configuration", "Connection",
            ]
        ),
    ]

    /// The local engine, a module of its own, which is no client.
    static let local = Folder(
        name: "RivetAsyncLocal",
        mayName: [
            "Support", "Encoding", "Transport", "Definitions", "Errors", "HTTP", "WebSocket", "Protocol",
            "Configuration",
        ],
        modules: ["RivetAsync", "Synchronization"]
    )

    /// What a machine without IO has no use for.
    static let wordsNotInCore: Set = [
        "async", "await", "Task", "Mutex", "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator",
        "CheckedContinuation", "UnsafeContinuation",
    ]

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
            guard file.folder.isCore, !file.folder.shellFiles.contains(file.name) else { continue }
            for token in file.tokens.names where wordsNotInCore.contains(token.text) {
                found.append("\(place(file, token)): `\(token.text)` in the core")
            }
        }
        return found
    }

    private static func place(_ file: File, _ token: SwiftTokens.Token) -> String {
        "\(file.folder.name)/\(file.name):\(token.line)"
    }
}

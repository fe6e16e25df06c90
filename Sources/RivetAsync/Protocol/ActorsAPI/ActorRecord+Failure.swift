// SPDX-License-Identifier: Apache-2.0

extension ActorRecord {
    private static var maxPieceSize: Int { 1_024 }

    /// What ``error`` says (PROTOCOL b4); nil where there is none.
    ///
    /// What cannot be read is the kind `unknown`, with the JSON as it came (B60).
    package var startFailure: ActorStartFailure? {
        guard let error else { return nil }
        let json = Self.piece(String(decoding: error.prefix(Self.maxPieceSize), as: UTF8.self))
        let unread = ActorStartFailure(actorID: actorID, kind: "", json: json)
        let read = try? readJSON(error) { (reader) throws(CodingError) in
            var failure = unread
            try Self.readKind(&reader, into: &failure, isOfPool: false)
            return failure
        }
        if let read, !read.kind.isEmpty { return read }
        return ActorStartFailure(actorID: actorID, kind: "unknown", json: json)
    }

    /// Text, or an object whose one member is named as its kind.
    private static func readKind(
        _ reader: inout JSONReader,
        into failure: inout ActorStartFailure,
        isOfPool: Bool
    ) throws(CodingError) {
        let kind = try reader.peekKind()
        if kind == .text {
            failure.kind += piece(try reader.readText())
        } else if kind == .map {
            var count = 0
            try reader.readMembers { (name, reader) throws(CodingError) in
                count += 1
                guard count == 1 else { return try reader.skipItem(depth: 3) }
                failure.kind += piece(name)
                // Only this one has kinds of its own.
                if name == "runner_pool_error", !isOfPool {
                    let outer = failure.kind
                    failure.kind += "."
                    try readKind(&reader, into: &failure, isOfPool: true)
                    if failure.kind == outer + "." { failure.kind = outer }
                } else {
                    try readDetails(&reader, into: &failure)
                }
            }
        } else {
            try reader.skipItem(depth: 3)
        }
    }

    private static func readDetails(
        _ reader: inout JSONReader,
        into failure: inout ActorStartFailure
    ) throws(CodingError) {
        guard try reader.peekKind() == .map else { return try reader.skipItem(depth: 3) }
        try reader.readMembers { (name, reader) throws(CodingError) in
            let kind = try reader.peekKind()
            switch name {
            case "status_code" where kind == .integer: failure.httpStatus = try reader.readInteger(as: Int.self)
            case "message" where kind == .text: failure.message = piece(try reader.readText())
            case "body" where kind == .text, "raw_payload" where kind == .text:
                failure.body = piece(try reader.readText())
            default: try reader.skipItem(depth: 4)
            }
        }
    }

    /// At most 1 KiB of it, in whole characters.
    private static func piece(_ text: String) -> String {
        guard text.utf8.count > maxPieceSize else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: maxPieceSize)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}

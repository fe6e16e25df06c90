// SPDX-License-Identifier: Apache-2.0

/// The answers of the actors API (PROTOCOL b2, b3, b5); JSON in every case.
package enum ActorsAPIResponse {
    /// Of PUT and POST; `created` is PUT's own.
    package static func readActor(_ body: ByteChunk) throws(CodingError) -> (actor: ActorRecord, created: Bool?) {
        try readJSON(body) { (reader) throws(CodingError) in
            var actor: ActorRecord?
            var created: Bool?
            try reader.readMembers { (key, reader) throws(CodingError) in
                switch key {
                case "actor": actor = try ActorRecord.read(&reader, of: body)
                case "created":
                    created = try reader.readOptional { (reader) throws(CodingError) in try reader.readBool() }
                default: try reader.skipItem(depth: 1)
                }
            }
            return (try actor.required("actor", at: 0), created)
        }
    }

    /// Of GET; an actor that does not exist is an empty list.
    package static func readList(_ body: ByteChunk) throws(CodingError) -> [ActorRecord] {
        try readJSON(body) { (reader) throws(CodingError) in
            var actors: [ActorRecord]?
            try reader.readMembers { (key, reader) throws(CodingError) in
                guard key == "actors" else { return try reader.skipItem(depth: 1) }
                var list: [ActorRecord] = []
                var remaining = try reader.beginArray()
                while try reader.hasNext(&remaining) { list.append(try ActorRecord.read(&reader, of: body)) }
                actors = list
            }
            return try actors.required("actors", at: 0)
        }
    }

    package static func writeActor(_ actor: ActorRecord, created: Bool?, to output: inout some ByteOutput & ~Copyable) {
        output.append(#"{"actor":"#)
        actor.write(to: &output)
        if let created {
            output.append(#","created":"#)
            output.appendJSON(created)
        }
        output.append("}")
    }

    /// The cursor is the last one's `create_ts`, as text, also when nothing follows.
    package static func writeList(_ actors: [ActorRecord], to output: inout some ByteOutput & ~Copyable) {
        output.append(#"{"actors":["#)
        for (index, actor) in actors.enumerated() {
            if index > 0 { output.append(",") }
            actor.write(to: &output)
        }
        output.append(#"],"pagination":{"cursor":"#)
        if let last = actors.last {
            output.appendJSON(String(last.createTime))
        } else {
            output.appendJSONNull()
        }
        output.append("}}")
    }

    /// An error of the engine itself, the gateway's included: members in this order, metadata as JSON.
    package static func writeError(
        group: String,
        code: String,
        message: String,
        metadataJSON: ByteChunk? = nil,
        to output: inout some ByteOutput & ~Copyable
    ) {
        output.append(#"{"group":"#)
        output.appendJSON(group)
        output.append(#","code":"#)
        output.appendJSON(code)
        output.append(#","message":"#)
        output.appendJSON(message)
        if let metadataJSON {
            output.append(#","metadata":"#)
            output.append(metadataJSON)
        }
        output.append("}")
    }
}

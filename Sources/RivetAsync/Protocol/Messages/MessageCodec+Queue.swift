// SPDX-License-Identifier: Apache-2.0

/// A message for a queue, as it stands in a request (PROTOCOL e2).
package struct QueueRequest: Sendable, Equatable {
    package var body: ByteChunk
    /// Whether the sender waits until the actor completes the message.
    package var waits: Bool
    /// How long it waits, in milliseconds; nil for no limit of its own.
    package var timeout: UInt64?

    package init(body: ByteChunk, waits: Bool = false, timeout: UInt64? = nil) {
        self.body = body
        self.waits = waits
        self.timeout = timeout
    }
}

/// What became of a message (PROTOCOL e2).
package struct QueueResult: Sendable, Equatable {
    /// `completed`, `timedOut`; an open set (B175).
    package var status: String
    package var response: ByteChunk?

    package init(status: String, response: ByteChunk? = nil) {
        self.status = status
        self.response = response
    }

    package static let completed = "completed"
    package static let timedOut = "timedOut"
}

/// The bodies of a queue send (PROTOCOL e2, g4).
extension MessageCodec {
    package func writeQueueBody(_ request: QueueRequest, to output: inout some ByteOutput & ~Copyable) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(data: request.body)
            output.appendBARE(false)  // `name`: the server takes the URL's.
            output.appendBARE(optional: request.waits) { $0.appendBARE($1) }
            output.appendBARE(optional: request.timeout) { $0.appendBARE(fixed: $1) }
        case .cbor:
            output.appendCBORMapHead(request.timeout == nil ? 2 : 3)
            output.appendCBOR("body")
            appendInline(request.body, to: &output)
            output.appendCBOR("wait")
            output.appendCBOR(request.waits)
            if let timeout = request.timeout {
                output.appendCBOR("timeout")
                output.appendCBOR(timeout)
            }
        case .json:
            output.append(#"{"body":"#)
            appendInline(request.body, to: &output)
            output.append(#","wait":"#)
            output.appendJSON(request.waits)
            if let timeout = request.timeout {
                output.append(#","timeout":"#)
                output.appendJSON(digits: timeout)
            }
            output.append("}")
        }
    }

    package func readQueueBody(_ document: ByteChunk) throws(CodingError) -> QueueRequest {
        func readMembers(_ reader: inout some MessageReader) throws(CodingError) -> QueueRequest {
            var body: ByteChunk?
            var request = QueueRequest(body: ByteChunk())
            try reader.readMembers { (key, reader) throws(CodingError) in
                switch key {
                case "body": body = try reader.readValueSlice(of: document)
                case "wait":
                    request.waits =
                        try reader.readOptional { (reader) throws(CodingError) in try reader.readBool() } ?? false
                case "timeout":
                    request.timeout = try reader.readOptional { (reader) throws(CodingError) in try reader.readID() }
                default: try reader.skipValue()
                }
            }
            request.body = try body.required("body", at: 0)
            return request
        }
        if encoding == .bare {
            return try readBARE(document, since: .queues) { (reader, _) throws(CodingError) in
                let body = document.slice(try reader.readData())
                _ = try reader.readOptional { (reader) throws(CodingError) in try reader.readText() }
                let waits = try reader.readOptional { (reader) throws(CodingError) in try reader.readBool() }
                let timeout = try reader.readOptional { (reader) throws(CodingError) in
                    try reader.readFixed(as: UInt64.self)
                }
                return QueueRequest(body: body, waits: waits ?? false, timeout: timeout)
            }
        }
        return try readItems(
            document,
            cbor: { (reader) throws(CodingError) in try readMembers(&reader) },
            json: { (reader) throws(CodingError) in try readMembers(&reader) }
        )
    }

    package func writeQueueResult(_ result: QueueResult, to output: inout some ByteOutput & ~Copyable) {
        switch encoding {
        case .bare:
            output.appendVersion()
            output.appendBARE(result.status)
            output.appendBARE(optional: result.response) { $0.appendBARE(data: $1) }
        case .cbor:
            output.appendCBORMapHead(result.response == nil ? 1 : 2)
            if let response = result.response {
                output.appendCBOR("response")
                appendInline(response, to: &output)
            }
            output.appendCBOR("status")
            output.appendCBOR(result.status)
        case .json:
            output.append("{")
            if let response = result.response {
                output.append(#""response":"#)
                appendInline(response, to: &output)
                output.append(",")
            }
            output.append(#""status":"#)
            output.appendJSON(result.status)
            output.append("}")
        }
    }

    package func readQueueResult(_ document: ByteChunk) throws(CodingError) -> QueueResult {
        func readMembers(_ reader: inout some MessageReader) throws(CodingError) -> QueueResult {
            var status: String?
            var response: ByteChunk?
            try reader.readMembers { (key, reader) throws(CodingError) in
                switch key {
                case "status": status = try reader.readText()
                case "response": response = try reader.readValueSlice(of: document)
                default: try reader.skipValue()
                }
            }
            return QueueResult(status: try status.required("status", at: 0), response: response)
        }
        if encoding == .bare {
            return try readBARE(document, since: .queues) { (reader, _) throws(CodingError) in
                let status = try reader.readString()
                let response = try reader.readOptional { (reader) throws(CodingError) in try reader.readData() }
                return QueueResult(status: status, response: response.map { document.slice($0) })
            }
        }
        return try readItems(
            document,
            cbor: { (reader) throws(CodingError) in try readMembers(&reader) },
            json: { (reader) throws(CodingError) in try readMembers(&reader) }
        )
    }
}

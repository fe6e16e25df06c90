// SPDX-License-Identifier: Apache-2.0

/// The body of PUT and POST `/actors` (PROTOCOL b3).
package struct ActorsAPIRequest: Sendable, Equatable {
    package var datacenter: String?
    package var name: String
    /// Nil only where an actor without a key is created.
    package var keyText: String?
    /// One CBOR item.
    package var input: [UInt8]?
    package var poolName: String
    package var crashPolicy: CrashPolicy

    package init(
        datacenter: String? = nil,
        name: String,
        keyText: String?,
        input: [UInt8]? = nil,
        poolName: String,
        crashPolicy: CrashPolicy = .sleep
    ) {
        self.datacenter = datacenter
        self.name = name
        self.keyText = keyText
        self.input = input
        self.poolName = poolName
        self.crashPolicy = crashPolicy
    }

    /// The largest input a server takes, in bytes of CBOR.
    package static let maxInputSize = 1_048_576

    package func write(to output: inout some ByteOutput & ~Copyable) {
        output.append("{")
        if let datacenter {
            output.append(#""datacenter":"#)
            output.appendJSON(datacenter)
            output.append(",")
        }
        output.append(#""name":"#)
        output.appendJSON(name)
        if let keyText {
            output.append(#","key":"#)
            output.appendJSON(keyText)
        }
        if let input {
            output.append(#","input":"#)
            output.appendJSON(Base64.encode(input))
        }
        output.append(#","runner_name_selector":"#)
        output.appendJSON(poolName)
        output.append(#","crash_policy":"#)
        output.appendJSON(crashPolicy.rawValue)
        output.append("}")
    }

    /// Unknown fields are refused (PROTOCOL b).
    package static func read(_ body: ByteChunk) throws(CodingError) -> ActorsAPIRequest {
        try readJSON(body) { (reader) throws(CodingError) in
            var name: String?
            var poolName: String?
            var crashPolicy: CrashPolicy?
            var request = ActorsAPIRequest(name: "", keyText: nil, poolName: "")
            try reader.readMembers { (key, reader) throws(CodingError) in
                let start = reader.position
                switch key {
                case "datacenter": request.datacenter = try reader.readOptionalText()
                case "name": name = try reader.readText()
                case "key": request.keyText = try reader.readOptionalText()
                case "input":
                    guard let text = try reader.readOptionalText() else { return }
                    guard let input = Base64.decode(text.utf8) else {
                        throw CodingError(.invalidCompatValue, at: start, wanted: "Base64")
                    }
                    request.input = input
                case "runner_name_selector": poolName = try reader.readText()
                case "crash_policy":
                    crashPolicy = CrashPolicy(rawValue: try reader.readText())
                    guard crashPolicy != nil else {
                        throw CodingError(.typeMismatch, at: start, wanted: "sleep, restart or destroy")
                    }
                default: throw CodingError(.unknownTag, at: start, found: String(key.prefix(40)))
                }
            }
            request.name = try name.required("name", at: 0)
            request.poolName = try poolName.required("runner_name_selector", at: 0)
            request.crashPolicy = try crashPolicy.required("crash_policy", at: 0)
            return request
        }
    }
}

/// Reads a whole JSON document.
func readJSON<T>(_ document: ByteChunk, _ body: (inout JSONReader) throws(CodingError) -> T) throws(CodingError) -> T {
    defer { withExtendedLifetime(document) {} }
    var reader = unsafe JSONReader(document.unsafeBytes)
    let result = try body(&reader)
    try reader.readEnd()
    return result
}

extension MessageReader {
    mutating func readOptionalText() throws(CodingError) -> String? {
        try readOptional { (reader) throws(CodingError) in try reader.readText() }
    }
}

/// Request targets of the actors API, behind the base path (PROTOCOL b2, b3, a3).
package enum ActorsAPITarget {
    package static func byID(_ id: ActorID, namespace: String) -> String {
        "/actors?actor_ids=" + PercentEncoding.encode(id.rawValue) + "&namespace=" + PercentEncoding.encode(namespace)
    }

    package static func byKey(name: String, key: ActorKey, namespace: String) -> String {
        "/actors?name=" + PercentEncoding.encode(name) + "&key=" + PercentEncoding.encode(key.text) + "&namespace="
            + PercentEncoding.encode(namespace)
    }

    /// PUT gets or creates, POST creates.
    package static func actors(namespace: String) -> String {
        "/actors?namespace=" + PercentEncoding.encode(namespace)
    }

    package static func metadata(namespace: String) -> String {
        "/metadata?namespace=" + PercentEncoding.encode(namespace)
    }

    /// The parameters of a target's query, as a form is read, in order; for the local engine.
    package static func parameters(of target: String) -> [(name: String, value: String)] {
        let mark = target.firstIndex(of: "?") ?? target.endIndex
        return target[mark...].dropFirst().split(separator: "&").map { parameter in
            let equals = parameter.firstIndex(of: "=") ?? parameter.endIndex
            return (
                PercentEncoding.decode(parameter[..<equals], plusIsBlank: true) ?? "",
                PercentEncoding.decode(parameter[equals...].dropFirst(), plusIsBlank: true) ?? ""
            )
        }
    }
}

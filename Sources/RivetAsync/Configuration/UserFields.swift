// SPDX-License-Identifier: Apache-2.0

/// What a user may put into the head of a request, checked before anything leaves (B11, B184, B267).
enum UserFields {
    /// Written by the protocol itself, so that sockets open, bodies end and the gateway finds its way.
    private static let ownNames: Set<String> = [
        "host", "connection", "upgrade", "content-length", "transfer-encoding", "x-rivet-encoding",
        "x-rivet-conn-params", "x-rivet-skip-ready-wait", "x-rivet-target", "x-rivet-actor",
    ]

    private static func isProtocols(_ name: String) -> Bool {
        let name = lowercased(name)
        return ownNames.contains(name) || name.hasPrefix("sec-websocket-")
    }

    /// Whether a field is for one host alone.
    static func carriesCredentials(_ name: String) -> Bool {
        ["authorization", "proxy-authorization", "cookie", "x-rivet-token"].contains(lowercased(name))
    }

    private static func lowercased(_ name: String) -> String {
        String(decoding: name.utf8.map(HTTPSyntax.lowercased), as: UTF8.self)
    }

    /// The first thing that cannot be sent, in words that hold no value; nil where all can.
    static func problem(of fields: HTTPFields) -> String? {
        do {
            try HTTPSyntax.validate(fields, asciiOnly: true)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Checks the fields of one call.
    ///
    /// - Throws: ``RivetError`` with ``RivetError/Code/invalidArgument``.
    static func check(_ fields: HTTPFields) throws {
        if let problem = problem(of: fields) ?? TraceFields.problem(of: fields) {
            throw RivetError.invalidArgument(problem)
        }
        for field in fields where isProtocols(field.name) {
            throw RivetError.invalidArgument("the field \(field.name) is written by the protocol itself")
        }
    }

    /// The same without what the protocol writes itself.
    static func withoutProtocols(_ fields: HTTPFields) -> HTTPFields {
        var result = HTTPFields()
        for field in fields where !isProtocols(field.name) { result.append(field) }
        return result
    }
}

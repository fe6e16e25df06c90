// SPDX-License-Identifier: Apache-2.0

/// What ties a request to the work that caused it, for tracing.
///
/// It goes with actions over HTTP, queue sends, raw requests, lookups and the handshakes of WebSockets. What is out of
/// form, here or in the fields of one call, fails that call with ``RivetError/Code/invalidArgument``, since Rivet would
/// drop it in silence.
public struct RequestContext: Sendable {
    /// Sent as `x-rivet-ray-id`, under which the engine logs the request: 1 to 30 of `A`–`Z`, `a`–`z`, `0`–`9`, `-`, `_`.
    public var rayID: String?
    /// Sent as `traceparent` (W3C Trace Context §3.2): `00-`, 32 and 16 hexadecimal digits that are not all zero, and two
    /// for the flags, in lower case.
    public var traceparent: String?
    /// Sent as `tracestate` (W3C Trace Context §3.3), beside a ``traceparent`` only and not where it is empty: at most 512
    /// printable characters in at most 32 members.
    public var tracestate: String?
    /// Further fields, without those of the protocol, which are left out as in ``RivetConfiguration/fields``.
    public var fields: HTTPFields

    /// Makes a context; nothing by default.
    public init(
        rayID: String? = nil,
        traceparent: String? = nil,
        tracestate: String? = nil,
        fields: HTTPFields = [:]
    ) {
        self.rayID = rayID
        self.traceparent = traceparent
        self.tracestate = tracestate
        self.fields = fields
    }

    /// What goes into a request's head; its own members beat fields of their names.
    ///
    /// - Throws: ``RivetError`` with ``RivetError/Code/invalidArgument``.
    func checkedFields() throws -> HTTPFields {
        var result = HTTPFields()
        result["x-rivet-ray-id"] = rayID
        result["traceparent"] = traceparent
        // An empty one says nothing, and a tracing library may have one without a parent.
        if tracestate?.isEmpty == false { result["tracestate"] = tracestate }
        for field in UserFields.withoutProtocols(fields) where result[field.name] == nil { result.append(field) }
        if let problem = UserFields.problem(of: result) ?? TraceFields.problem(of: result) {
            throw RivetError.invalidArgument("requestContext: \(problem)")
        }
        return result
    }
}

/// The fields that tie a request to its cause (B262, B263).
enum TraceFields {
    static let names = ["x-rivet-ray-id", "traceparent", "tracestate"]

    /// The first that the other end would drop, in words; nil where all is well.
    static func problem(of fields: HTTPFields) -> String? {
        if let rayID = fields["x-rivet-ray-id"], !isRayID(rayID) {
            return "x-rivet-ray-id must be 1 to 30 of A–Z, a–z, 0–9, '-' and '_'"
        }
        if let parent = fields["traceparent"], !isTraceparent(parent) {
            return "traceparent is not of the form 00-TRACE-SPAN-FLAGS (W3C Trace Context §3.2)"
        }
        guard let state = fields["tracestate"] else { return nil }
        if fields["traceparent"] == nil { return "tracestate stands without a traceparent" }
        let members = state.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).count
        guard state.utf8.count <= 512, members <= 32, state.utf8.allSatisfy(HTTPSyntax.isPrintableASCII) else {
            return
                "tracestate has \(state.utf8.count) bytes in \(members) members, and at most 512 printable ones in 32 go"
        }
        return nil
    }

    private static func isRayID(_ text: String) -> Bool {
        (1...30).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                isDigit(byte) || (0x61...0x7a).contains(byte | 0x20) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: "_")
            }
    }

    private static func isTraceparent(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].count == 2, parts[1].count == 32, parts[2].count == 16, parts[3].count == 2,
            parts[..<4].allSatisfy({ $0.allSatisfy { isDigit($0) || (0x61...0x66).contains($0) } }),
            parts[1].contains(where: { $0 != 0x30 }), parts[2].contains(where: { $0 != 0x30 })
        else { return false }
        // A later version may have more; ff is none.
        let version = Array(parts[0])
        return version == Array("00".utf8) ? parts.count == 4 : version != Array("ff".utf8)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

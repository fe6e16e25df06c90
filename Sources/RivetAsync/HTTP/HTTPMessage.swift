// SPDX-License-Identifier: Apache-2.0

/// The request line and fields of a request (RFC 9112 §3).
package struct HTTPRequestHead: Sendable, Equatable {
    package var method: String
    /// Origin form: path and query, as it stands on the wire.
    package var target: String
    package var fields: HTTPFields

    package init(method: String = "GET", target: String, fields: HTTPFields = [:]) {
        (self.method, self.target, self.fields) = (method, target, fields)
    }
}

/// The status line and fields of a response (RFC 9112 §4).
package struct HTTPResponseHead: Sendable, Equatable {
    package var status: Int
    package var reason: String
    package var fields: HTTPFields

    package init(status: Int, reason: String = "", fields: HTTPFields = [:]) {
        (self.status, self.reason, self.fields) = (status, reason, fields)
    }
}

/// A whole answer, read up to a limit.
package struct HTTPAnswer: Sendable {
    package let head: HTTPResponseHead
    package let body: ByteChunk

    var isSuccess: Bool { (200..<300).contains(head.status) }
    var rayID: String? { head.fields["x-rivet-ray-id"] }
    /// Whether the actor side made it, whatever its status says (PROTOCOL d, B229).
    var isFromActor: Bool { head.fields["x-rivet-actor"] != nil }

    /// How long the server asks to wait (RFC 9110 §10.2.3, B150); 24 h at the most.
    ///
    /// A date counts from the answer's own, and from `now`, in milliseconds since 1970, where it has none.
    func retryAfter(now: @autoclosure () -> Int64) -> Duration? {
        guard let text = head.fields["retry-after"], !text.isEmpty else { return nil }
        let longest = Int64(86_400_000)
        if text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            guard let seconds = Int64(text), seconds < longest / 1_000 else { return .milliseconds(longest) }
            return .seconds(seconds)
        }
        let now = now()
        guard let until = HTTPDate.milliseconds(text, now: now) else { return nil }
        let from = head.fields["date"].flatMap { HTTPDate.milliseconds($0, now: now) } ?? now
        return .milliseconds(min(max(until - from, 0), longest))
    }
}

/// What a decoder takes before it refuses, in bytes.
package struct HTTPLimits: Sendable, Equatable {
    /// Start line and fields, those of interim responses counted in: 64 KiB, four times what common servers send.
    package var maxHeadSize = 65_536
    /// The content after chunking is undone; unlimited by default, because bodies are pulled, not collected.
    package var maxBodySize = Int.max
    /// Fields after a chunked body.
    package var maxTrailersSize = 16_384
    /// One chunk's size line with its extensions, which are ignored.
    package var maxChunkLineSize = 1024

    package init() {}
}

/// Whom a connection leads to; connections are shared only within one origin (RFC 9110 §4.3.1).
package struct HTTPOrigin: Sendable, Hashable {
    package let host: String
    package let port: Int
    package let isSecure: Bool
    /// The value of the Host field: without the port where it is the scheme's own (RFC 9110 §7.2).
    package let hostField: String

    /// An origin; `host` is a name, or an IP literal without brackets.
    package init(host: String, port: Int, isSecure: Bool) {
        (self.host, self.port, self.isSecure) = (host, port, isSecure)
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        hostField = port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}

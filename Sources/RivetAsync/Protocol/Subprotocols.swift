// SPDX-License-Identifier: Apache-2.0

/// What a client offers in `Sec-WebSocket-Protocol`, and what the server reads from it (PROTOCOL f1).
package struct Subprotocols: Sendable, Equatable {
    /// Nil on a raw WebSocket, whose bytes are the user's own (B195).
    package var encoding: WireEncoding?
    /// Connection parameters as JSON text; nil for none, which is not the same as `null` (B40).
    package var parameters: String?
    package var skipsReadyWait: Bool
    /// The user's own, which come last.
    package var user: [String]

    package init(
        encoding: WireEncoding?,
        parameters: String? = nil,
        skipsReadyWait: Bool = false,
        user: [String] = []
    ) {
        self.encoding = encoding
        self.parameters = parameters
        self.skipsReadyWait = skipsReadyWait
        self.user = user
    }

    /// The server always selects this one, whatever is offered.
    package static let selected = "rivet"

    package var list: [String] {
        var list = [Self.selected]
        if let encoding { list.append(Self.encodingPrefix + encoding.name) }
        if let parameters { list.append(Self.parametersPrefix + PercentEncoding.encode(parameters)) }
        if skipsReadyWait { list.append(Self.skipReadyWait) }
        return list + user
    }

    package var header: String { list.joined(separator: ", ") }

    /// Whether `text` may stand in the list: a token of RFC 9110 §5.6.2.
    package static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !separators.contains($0) }
    }

    /// Why a user's own cannot be offered, in words; nil where they can (B194).
    package static func problem(ofUsers subprotocols: [String]) -> String? {
        var seen: Set<[UInt8]> = []
        for (index, text) in subprotocols.enumerated() {
            if !isToken(text) { return "subprotocol \(index) is not a token" }
            if text == selected || text.hasPrefix("rivet_") { return "subprotocol \(index) is one of Rivet's own" }
            if !seen.insert(Array(text.utf8)).inserted { return "subprotocol \(index) is offered twice" }
        }
        return nil
    }

    package enum ReadError: Error, Equatable {
        /// Close 1003 `actor.unsupported_websocket_encoding`.
        case unsupportedEncoding
        /// Parameters that are not percent-encoded UTF-8.
        case parameters
    }

    /// What the server reads: the first item of each kind counts; without an encoding it is JSON.
    package static func read(header: String) throws(ReadError) -> Subprotocols {
        var encodingName: Substring?
        var parameters: Substring?
        var result = Subprotocols(encoding: nil)
        // No item holds a blank: blanks are only between them.
        for item in header.utf8.split(whereSeparator: { $0 == UInt8(ascii: ",") || $0 == 0x20 || $0 == 0x09 }) {
            if let rest = item.behind(encodingPrefix) {
                encodingName = encodingName ?? rest
            } else if let rest = item.behind(parametersPrefix) {
                parameters = parameters ?? rest
            } else if item.elementsEqual(skipReadyWait.utf8) {
                result.skipsReadyWait = true
            } else if !item.elementsEqual(selected.utf8), !engineOnly.contains(where: { item.starts(with: $0.utf8) }) {
                result.user.append(String(Substring(item)))
            }
        }
        guard let encoding = WireEncoding(rawValue: encodingName.map(String.init) ?? "json") else {
            throw .unsupportedEncoding
        }
        result.encoding = encoding
        if let parameters {
            // Read as a form value: `+` is a blank, `&` and `#` end it.
            let value = parameters.utf8.prefix { $0 != UInt8(ascii: "&") && $0 != UInt8(ascii: "#") }
            guard let text = PercentEncoding.decode(Substring(value), plusIsBlank: true) else { throw .parameters }
            result.parameters = text
        }
        return result
    }

    private static let encodingPrefix = "rivet_encoding."
    private static let parametersPrefix = "rivet_conn_params."
    private static let skipReadyWait = "rivet_skip_ready_wait"
    /// By-header routing (PROTOCOL c4): for the gateway, not for the actor.
    private static let engineOnly = ["rivet_token.", "rivet_target.", "rivet_actor."]
    private static let separators = Set("()<>@,;:\\\"/[]?={}".utf8)
}

extension Substring.UTF8View {
    /// What follows `prefix`, or nil where that does not begin it.
    fileprivate func behind(_ prefix: String) -> Substring? {
        starts(with: prefix.utf8) ? Substring(dropFirst(prefix.utf8.count)) : nil
    }
}

/// `x-rivet-conn-params`: connection parameters as JSON in printable ASCII (PROTOCOL d, B49).
package enum ConnectionParametersHeader {
    /// JSON text with every character beyond printable ASCII as `\uXXXX`; these stand only inside its strings.
    package static func value(json: String) -> String {
        if json.utf8.allSatisfy({ $0 < 0x7F }) { return json }
        var out: [UInt8] = []
        for unit in json.utf16 {
            if unit < 0x7F {
                out.append(UInt8(truncatingIfNeeded: unit))
            } else {
                let digits = String(unit, radix: 16)
                out.append(contentsOf: #"\u"#.utf8)
                out.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
                out.append(contentsOf: digits.utf8)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Whom a connection leads to; connections are shared only within one origin (RFC 9110 §4.3.1).
package struct HTTPOrigin: Sendable, Hashable {
    package let host: String
    package let port: Int
    package let isSecure: Bool

    /// An origin; `host` is a name, or an IP literal without brackets.
    package init(host: String, port: Int, isSecure: Bool) {
        (self.host, self.port, self.isSecure) = (host, port, isSecure)
    }

    /// The value of the Host field: without the port where it is the scheme's own (RFC 9110 §7.2).
    package var hostField: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}

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

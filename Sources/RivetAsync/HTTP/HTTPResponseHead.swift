// SPDX-License-Identifier: Apache-2.0

/// The status line and fields of a response (RFC 9112 §4).
package struct HTTPResponseHead: Sendable, Equatable {
    package var status: Int
    package var reason: String
    package var fields: HTTPFields

    package init(status: Int, reason: String = "", fields: HTTPFields = [:]) {
        (self.status, self.reason, self.fields) = (status, reason, fields)
    }
}

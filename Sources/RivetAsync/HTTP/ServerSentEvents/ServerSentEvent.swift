// SPDX-License-Identifier: Apache-2.0

/// One server-sent event, as the HTML standard reads it.
public struct ServerSentEvent: Sendable, Hashable {
    /// Its type; `message` where it names none.
    public let event: String
    /// Its `data` lines, joined by line feeds.
    public let data: String
    /// The last id that was named, here or before; nil without one, or where an empty one cleared it.
    public let id: String?
    /// How long to wait before a new request, where this event says so.
    public let retry: Duration?

    package init(event: String = "message", data: String, id: String? = nil, retry: Duration? = nil) {
        (self.event, self.data, self.id, self.retry) = (event, data, id, retry)
    }
}

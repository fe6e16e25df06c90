// SPDX-License-Identifier: Apache-2.0

/// What ties a request to the work that caused it, for tracing.
public struct RequestContext: Sendable {
    /// Sent as `x-rivet-ray-id`.
    public var rayID: String?
    /// Sent as `traceparent` (W3C Trace Context).
    public var traceparent: String?
    /// Further fields.
    public var fields: HTTPFields

    /// Makes a context; nothing by default.
    public init(rayID: String? = nil, traceparent: String? = nil, fields: HTTPFields = [:]) {
        self.rayID = rayID
        self.traceparent = traceparent
        self.fields = fields
    }
}

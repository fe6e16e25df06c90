// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

/// A plain HTTP request to an actor.
public struct LocalRequest: Sendable {
    /// Any method but OPTIONS, which the gateway answers itself.
    public let method: String
    /// Path and query behind `/request`, as the client wrote them; the root is `/`.
    public let path: String
    /// Every field that was sent, and the answer's `x-rivet-ray-id`.
    public let fields: HTTPFields
    /// The whole body.
    public let body: [UInt8]
}

/// An actor's answer to a plain HTTP request.
public struct LocalResponse: Sendable {
    /// The status code, from 200 to 599.
    public var status: Int
    /// The fields; the length of the body is added.
    public var fields: HTTPFields
    /// The whole body; nothing streams through the gateway.
    public var body: [UInt8]

    /// An answer.
    public init(status: Int = 200, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// An answer with `value` as JSON, status 200.
    ///
    /// - Throws: what the encoding of `value` throws.
    public static func json(_ value: some Encodable & Sendable) throws -> Self {
        Self(fields: ["content-type": "application/json"], body: Array(try ValueFormat.json.encode(value)))
    }
}

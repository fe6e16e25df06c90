// SPDX-License-Identifier: Apache-2.0

/// The result of an action that returns nothing.
///
/// Null, undefined and no bytes at all decode to it. Any other value does too and is dropped, so a result can be
/// ignored without naming its type. It is written as null.
public struct NoValue: Codable, Sendable, Hashable {
    /// Makes the one value there is.
    public init() {}

    /// Reads nothing: whatever stands there is accepted.
    public init(from decoder: any Decoder) throws {}

    /// Writes null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encodeNil()
    }
}

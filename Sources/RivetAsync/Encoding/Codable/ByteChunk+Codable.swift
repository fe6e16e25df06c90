// SPDX-License-Identifier: Apache-2.0

extension ByteChunk: Codable {
    /// Reads bytes; from one of Rivet's messages they are a slice of it, without a copy.
    public init(from decoder: any Decoder) throws {
        self = try (decoder as? ValueDecoder)?.decodeValue(ByteChunk.self) ?? ByteChunk([UInt8](from: decoder))
    }

    /// Writes bytes as bytes.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if encoder is ValueEncoder { try container.encode(self) } else { try container.encode(Array(self)) }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// What the client gave along when it created the actor.
public struct CreationInput: Sendable {
    let bytes: ByteChunk?

    /// The input as a value; nil where none was given.
    ///
    /// - Throws: what the decoding of `T` throws, when the input has another form.
    public func decode<T: Decodable>(_: T.Type) throws -> T? {
        guard let bytes else { return nil }
        return try ValueFormat.nativeCBOR.decode(T?.self, from: bytes)
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// What an actor returns or tells, on its way to a client.
enum OutgoingValue {
    /// The encoding has no form for the value: a CBOR tag in JSON, for example.
    ///
    /// Over HTTP it becomes null, an event is lost, and an action's answer closes the connection (PROTOCOL e1, g6).
    struct Unencodable: Error {
        let cause: any Error
    }

    /// The bytes for a client that asked for `encoding`.
    ///
    /// - Parameters:
    ///   - encoding: the client's.
    ///   - isMessage: for a connection. There CBOR is copied in as the actor wrote it, and JSON passes through the
    ///     server's own value; for answers over HTTP both do, which is the router's part.
    ///   - write: writes the value.
    /// - Returns: the value in the encoding.
    /// - Throws: ``Unencodable``.
    static func encode(
        _ encoding: WireEncoding,
        isMessage: Bool,
        _ write: (ValueFormat, ValueEncodingOptions) throws -> ByteChunk
    ) throws -> ByteChunk {
        let format = isMessage && encoding == .cbor ? .nativeCBOR : encoding.valueFormat
        do {
            let bytes = try write(format, ValueEncodingOptions(notFiniteAsNull: true))
            return isMessage && encoding == .json ? try ServerValue.normalized(bytes, isJSON: true) : bytes
        } catch {
            throw Unencodable(cause: error)
        }
    }
}

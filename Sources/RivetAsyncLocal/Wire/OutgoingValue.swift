// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// What an actor returns or tells, on its way to a client.
enum OutgoingValue {
    /// The encoding has no form for the value: a CBOR tag in JSON, for example.
    ///
    /// Over HTTP it becomes null, an event is lost, and an action's answer closes the connection (PROTOCOL e1, g6).
    struct UnencodableError: Error {
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
    /// - Throws: ``UnencodableError``.
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
            throw UnencodableError(cause: error)
        }
    }
}

/// An event before its receivers' encodings are known.
struct OutgoingEvent: Sendable {
    let name: String
    let encode: @Sendable (WireEncoding) throws -> ByteChunk

    init<E: ActorEvent>(_ event: E) {
        name = E.eventName
        encode = { encoding in
            try OutgoingValue.encode(encoding, isMessage: true) { format, options in
                E.argumentStyle == .positional
                    ? try format.encodePositionalArguments(event, options: options)
                    : try format.encodeArgument(event, options: options)
            }
        }
    }

    init(name: String, encode: @escaping @Sendable (WireEncoding) throws -> ByteChunk) {
        self.name = name
        self.encode = encode
    }
}

/// An action that the actor calls on itself later.
struct ScheduledAction: Sendable {
    let name: String
    /// CBOR, as inside BARE.
    let arguments: ByteChunk

    init<A: ActorAction>(_ action: A) {
        name = A.actionName
        let format = ValueFormat.nativeCBOR
        let encoded =
            A.argumentStyle == .positional
            ? try? format.encodePositionalArguments(action) : try? format.encodeArgument(action)
        // What does not encode fails when it is decoded, as any other wrong call of an action.
        arguments = encoded ?? ByteChunk()
    }
}

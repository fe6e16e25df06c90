// SPDX-License-Identifier: Apache-2.0
import RivetAsync

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

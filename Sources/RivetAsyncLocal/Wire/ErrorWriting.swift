// SPDX-License-Identifier: Apache-2.0
import RivetAsync

extension MessageCodec {
    /// The message of a connection.
    func message(_ error: EngineError, actionID: UInt64?, actor: ActorReference?) throws -> [UInt8] {
        var output: [UInt8] = []
        writeError(try errorMessage(error, actionID: actionID, actor: actor), to: &output)
        return output
    }

    /// The body of an answer of the actor side.
    func body(_ error: EngineError, actor: ActorReference?) throws -> [UInt8] {
        var output: [UInt8] = []
        writeErrorBody(try errorMessage(error, actionID: nil, actor: actor), to: &output)
        return output
    }

    private func errorMessage(_ error: EngineError, actionID: UInt64?, actor: ActorReference?) throws -> ErrorMessage {
        let format = encoding.valueFormat
        // It passes through the server's JSON in every encoding: inside BARE too, bytes are a pair and dates text.
        let written = encoding == .bare ? ValueFormat.cbor : format
        let metadata = try error.metadata.map { metadata in
            let bytes = try written.encode(metadata, options: ValueEncodingOptions(notFiniteAsNull: true))
            return try ServerValue.normalized(bytes, isJSON: encoding == .json)
        }
        return ErrorMessage(
            group: error.group,
            code: error.code,
            message: error.message,
            metadata: metadata.map { EncodedValue(bytes: $0, format: format) },
            actionID: actionID,
            actor: actor
        )
    }
}

extension EngineError {
    /// The body of the engine's own answer: JSON, members in the order of the type that holds the metadata.
    func engineBody(nullForNoMetadata: Bool = false) -> [UInt8] {
        let encoded = metadata.flatMap { try? ValueFormat.json.encode($0) }
        var output: [UInt8] = []
        ActorsAPIResponse.writeError(
            group: group,
            code: code,
            message: message,
            metadataJSON: encoded ?? (nullForNoMetadata ? ByteChunk("null".utf8) : nil),
            to: &output
        )
        return output
    }
}

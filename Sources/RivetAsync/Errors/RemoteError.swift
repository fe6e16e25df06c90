// SPDX-License-Identifier: Apache-2.0

/// What Rivet or the actor said.
///
/// For an answer that is not Rivet's, ``group`` and ``code`` are empty, ``httpStatus`` is set and ``message`` holds a
/// bounded piece of what came.
public struct RemoteError: Sendable {
    /// The group of the error, such as `user`, `actor` or `guard`; an open set.
    public let group: String
    /// The code within the group; an open set.
    public let code: String
    /// The message as it was sent.
    ///
    /// For other errors than `user.*` Rivet usually replaces it by a generic one.
    public let message: String
    /// The id under which the engine logged the request, to give to who runs it.
    public let rayID: String?
    /// The HTTP status, where the error came over HTTP.
    public let httpStatus: Int?
    /// The WebSocket close code, where the error came as a close.
    public let closeCode: WebSocketCloseCode?
    /// The reason of the close as it came, also where it was read as a group and a code.
    public let closeReason: String?
    /// The actor that answered.
    public let actorID: ActorID?
    /// How often that actor had been started.
    public let generation: Int?
    /// The key of that actor.
    public let key: ActorKey?
    /// The metadata, still encoded.
    let encodedMetadata: EncodedValue?
    /// It came over HTTP from the actor side, by `x-rivet-actor`.
    let isFromActor: Bool

    package init(
        group: String,
        code: String,
        message: String,
        rayID: String? = nil,
        httpStatus: Int? = nil,
        closeCode: WebSocketCloseCode? = nil,
        closeReason: String? = nil,
        actorID: ActorID? = nil,
        generation: Int? = nil,
        key: ActorKey? = nil,
        metadata: EncodedValue? = nil,
        isFromActor: Bool = false
    ) {
        self.group = group
        self.code = code
        self.message = message
        self.rayID = rayID
        self.httpStatus = httpStatus
        self.closeCode = closeCode
        self.closeReason = closeReason
        self.actorID = actorID
        self.generation = generation
        self.key = key
        encodedMetadata = metadata
        self.isFromActor = isFromActor
    }

    /// The same with what is known of the answer or close that it came with, or that followed (B264).
    func with(deliveryOf other: RemoteError?) -> RemoteError {
        RemoteError(
            group: group,
            code: code,
            message: message,
            rayID: rayID ?? other?.rayID,
            httpStatus: httpStatus ?? other?.httpStatus,
            closeCode: closeCode ?? other?.closeCode,
            closeReason: closeReason ?? other?.closeReason,
            actorID: actorID,
            generation: generation,
            key: key,
            metadata: encodedMetadata,
            isFromActor: isFromActor
        )
    }

    /// The metadata as `type`; nil when there is none.
    ///
    /// - Throws: ``RivetError`` with ``RivetError/Code/decodingFailed`` when there is some and it does not decode.
    public func metadata<T: Decodable>(as type: T.Type) throws -> T? {
        guard let encodedMetadata, !encodedMetadata.bytes.isEmpty else { return nil }
        do {
            return try encodedMetadata.format.decode(T?.self, from: encodedMetadata.bytes)
        } catch {
            throw RivetError(
                .decodingFailed,
                "the metadata of \(group).\(code) did not decode as \(T.self): \(error)",
                fault: .caller,
                execution: .mayHaveRun,
                underlying: error
            )
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

extension ErrorClass {
    /// Nothing of the actor's can run in a lookup, and there is no id to forget.
    var ofLookup: ErrorClass { ErrorClass(execution: .notSent, isTransient: isTransient) }
}

extension RivetError {
    /// An error that Rivet or the actor made, with what its code means (PROTOCOL i).
    init(
        _ message: ErrorMessage,
        _ meaning: ErrorClass,
        rayID: String? = nil,
        httpStatus: Int? = nil,
        isFromActor: Bool = false,
        connectionSurvives: Bool = true,
        retryAfter: Duration? = nil
    ) {
        self.init(
            .remote,
            message.message,
            fault: Self.fault(group: message.group, meaning),
            execution: meaning.execution,
            isTransient: meaning.isTransient,
            connectionSurvives: connectionSurvives,
            remote: RemoteError(message, rayID: rayID, httpStatus: httpStatus, isFromActor: isFromActor),
            retryAfter: retryAfter
        )
    }

    /// Who has to change something: the actor's author, we, or who runs the engine.
    private static func fault(group: String, _ meaning: ErrorClass) -> Fault {
        switch meaning.execution {
        case .ran: .actor
        case .notSent where !meaning.isTransient && !meaning.forgetsID: .caller
        case .mayHaveRun where group == "auth": .caller
        case .notSent, .mayHaveRun: group == "user" ? .actor : .server
        }
    }

    /// What ``remote`` means for the handle that used it; nil where Rivet said nothing over HTTP.
    var answerClass: ErrorClass? {
        guard code == .remote, let remote, let status = remote.httpStatus else { return nil }
        return .answer(
            group: remote.group,
            code: remote.code,
            status: status,
            metadataResource: remote.encodedMetadata?.missingResource,
            fromActor: remote.isFromActor
        )
    }

    /// Whether a lookup or a setting failed in a way that the next attempt to connect will not change.
    var endsAttempts: Bool {
        switch code {
        case .invalidConfiguration, .invalidArgument, .encodingFailed, .limitExceeded, .clientClosed, .connectionClosed:
            return true
        case .metadataUnavailable, .unexpectedResponse:
            return !isTransient  // B14, B152
        case .remote:
            // Over the actors API "not found" is final for a `get`; on a pinned handle it is so everywhere.
            guard let remote, !asksForAnotherToken else { return false }
            return ErrorClass.isFinal(group: remote.group, code: remote.code, isPinned: true)
                || !isTransient && remote.httpStatus.map(ErrorClass.isFinal(status:)) == true
        case .tlsFailed:
            // Whether it was the lookup's or the connection's own (B148, B265).
            return tls != nil && !isTransient
        default:
            return false
        }
    }
}

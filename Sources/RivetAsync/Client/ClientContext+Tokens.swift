// SPDX-License-Identifier: Apache-2.0

/// Which token goes with a request, and what a refusal of it means (B232–B252).
extension ClientContext {
    /// The token for a request that leaves now; nil where none is sent.
    func token(for address: ServerAddress, deadline: TimePoint) async throws -> Secret? {
        switch address.access {
        case .fixed(let token): token
        case .provided(let source): try await source.token(deadline: deadline)
        case .none: nil
        }
    }

    /// What is thrown at once, before a call or a connection begins: the client waits for this task to give it a token (B318).
    ///
    /// Later it would not be noticed, since what several wait for is looked up in another task.
    var tokenError: RivetError? {
        // Where there are none, nothing more is looked at.
        guard tokens != nil, case .provided(let source) = (metadata.current ?? ownAddress).access else { return nil }
        return source.waitsForItself
    }

    /// The same error with what `token` has to do with it: one that the server refused is renewed where a provider can;
    /// elsewhere the text says what kind of token it was (B242–B248).
    func judged(_ error: RivetError, _ token: Secret?, at address: ServerAddress) -> RivetError {
        guard error.concernsToken, !error.asksForAnotherToken else { return error }
        if case .provided(let source) = address.access, let token, error.refusesToken {
            source.refused(token)
            diagnostics.send(
                Diagnostic(
                    .debug,
                    "the server refused the token; its provider is asked for another",
                    [Diagnostic.Field(name: "code", value: error.remote?.code ?? "")]
                )
            )
            return error.with(isTransient: true)
        }
        let kind = token.map { TokenText($0).kind } ?? "none"
        return error.with(
            message: error.message + (error.message.isEmpty ? "" : "; ") + "the token that was sent: \(kind)"
        )
    }
}

extension RivetError {
    /// The server did not take the token, and its provider is asked for another.
    var asksForAnotherToken: Bool { refusesToken && isTransient }

    /// Whether another token would help: on an answer, a handshake or an open socket (PROTOCOL a5).
    fileprivate var refusesToken: Bool {
        guard let remote, remote.group.hasSameBytes(as: "auth") else { return false }
        return (remote.httpStatus == 401 || remote.closeCode == .policyViolation)
            && ["invalid_token", "token_expired"].contains { remote.code.hasSameBytes(as: $0) }
    }

    fileprivate var concernsToken: Bool {
        guard let remote else { return false }
        return refusesToken
            || ["auth.insufficient_permissions", "auth.forbidden", "api.forbidden", "api.unauthorized"].contains {
                "\(remote.group).\(remote.code)".hasSameBytes(as: $0)
            }
    }
}

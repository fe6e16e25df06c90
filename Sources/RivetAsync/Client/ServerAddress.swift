// SPDX-License-Identifier: Apache-2.0

/// Where a client sends everything, once metadata has had its say (PROTOCOL a3), and which token goes there.
struct ServerAddress: Sendable {
    /// What is shown there (B232–B236).
    enum Access: Sendable {
        case fixed(Secret)
        case provided(TokenSource)
        case none
    }

    let endpoint: Endpoint
    /// Whom a connection to the endpoint leads to.
    let origin: HTTPOrigin
    let namespace: String
    let access: Access
    /// Whether what was configured for the endpoint's host may go there too.
    let isTrusted: Bool

    /// A token belongs to a host: the configured one goes to the endpoint's own and to those that are allowed (B235).
    ///
    /// Elsewhere what metadata named takes its place. A provider's token beats metadata's (B236).
    init(
        _ endpoint: Endpoint,
        namespace: String,
        namedToken: Secret? = nil,
        _ configuration: RivetConfiguration,
        _ tokens: TokenSource?
    ) {
        (self.endpoint, self.namespace) = (endpoint, namespace)
        origin = HTTPOrigin(host: endpoint.host, port: Int(endpoint.port), isSecure: endpoint.usesTLS)
        isTrusted =
            endpoint.hasSameHost(as: configuration.endpoint.host)
            || configuration.allowedHosts.contains { endpoint.hasSameHost(as: $0) }
        access =
            switch configuration.token.kind {
            case .provided: isTrusted ? tokens.map { .provided($0) } ?? .none : .none
            case .fixed(let token): (namedToken ?? (isTrusted ? token : nil)).map { .fixed($0) } ?? .none
            case .none: namedToken.map { .fixed($0) } ?? .none
            // The host in use decides (B233, B234).
            case .automatic:
                (namedToken ?? (endpoint.isLoopback ? TokenText.ofLocalEngine : nil)).map { .fixed($0) } ?? .none
            }
    }
}

extension ClientContext {
    /// Looks metadata up once for all calls of the client; a failure is not kept (B12–B17).
    ///
    /// It `repeats` within a call's deadline; the attempts of a connection have pauses and an end of their own (B150).
    func serverAddress(in scope: CallScope, repeats: Bool = true) async throws -> ServerAddress {
        if let known = metadata.current { return known }
        let own = ownAddress
        guard configuration.looksUpMetadata else { return own }
        var pause = Duration.milliseconds(250)
        var cause: RivetError?
        while true {
            do {
                return try await withDeadline(scope.deadline, time: time) { [self] in
                    try await metadata.value { [self] in try await fetchMetadata(own, in: scope) }
                }
            } catch let error as DeadlinePassedError {
                throw noMetadata(own.endpoint, cause, error)
            } catch let error as RivetError where error.isTransient && repeats {
                // Retried within this call's deadline; the next call tries again (B14).
                do {
                    try await self.pause(&pause, before: scope.deadline, after: error)
                } catch let error as RivetError where error.code != .clientClosed {
                    throw noMetadata(own.endpoint, error, error)
                }
                cause = error
            } catch let error as RivetError where error.fault == .server && error.code != .invalidConfiguration {
                throw RivetError.metadataUnavailable(own.endpoint, error)
            }
        }
    }

    /// At the deadline: who answered is not Rivet, or nobody did (B14).
    private func noMetadata(_ endpoint: Endpoint, _ cause: RivetError?, _ last: any Error) -> RivetError {
        if let cause, cause.code != .deadlineExceeded, cause.fault != .network {
            return .metadataUnavailable(endpoint, cause)
        }
        let why = cause.map { ": \($0.message)" } ?? ""
        return RivetError(
            .deadlineExceeded,
            "\(endpoint.text) did not answer GET /metadata before the deadline\(why)",
            fault: .network,
            isTransient: true,
            remote: cause?.remote,
            underlying: cause ?? last
        )
    }

    /// One try, whoever waits for it: one that hangs is not the whole of a call's deadline (B14).
    private func fetchMetadata(_ own: ServerAddress, in scope: CallScope) async throws -> ServerAddress {
        let deadline = time.now.advanced(by: configuration.connectTimeout.withinReach + .seconds(10))
        let head = HTTPRequestHead(
            target: own.endpoint.basePath + ActorsAPITarget.metadata(namespace: own.namespace),
            fields: fields(own: [:], in: scope, to: own)
        )
        let answer = try await part("metadata", of: scope.record) {
            do {
                return try await execute(head, at: own, deadline: deadline)
            } catch let error as RivetError {
                // It is asked ahead of the call, of which nothing has left.
                throw error.with(execution: .notSent)
            }
        }
        let what = "GET /metadata was answered"
        guard answer.head.status == 200 else {
            throw RivetError.unexpected(answer, what, piece: answer.body.boundedText)
        }
        let metadata: ServerMetadata
        do throws(CodingError) {
            metadata = try ServerMetadata.read(answer.body)
        } catch {
            // No piece of it: a token may be in it.
            throw RivetError.unexpected(answer, what, piece: "", underlying: error)
        }
        guard let text = metadata.endpoint, !text.isEmpty else { return own }
        let named: Endpoint.Parsed
        do {
            named = try Endpoint.parse(text)
        } catch {
            throw RivetError(
                .invalidConfiguration,
                "the metadata of \(own.endpoint.text) names a clientEndpoint that is not a usable URL: \(error)",
                fault: .server,
                underlying: error
            )
        }
        guard named.endpoint.usesTLS || !own.endpoint.usesTLS || configuration.allowsInsecureRedirection else {
            throw RivetError(
                .invalidConfiguration,
                "the metadata of \(own.endpoint.text) names \(named.endpoint.text), which would give up TLS; "
                    + "set allowsInsecureRedirection if that is meant",
                fault: .server
            )
        }
        // An empty text is as good as none (B15); namespace and token count only together with an endpoint (B12).
        let token = [metadata.token, named.token].compactMap { $0 }.first { !$0.reveal().isEmpty }
        guard token.map({ TokenText($0).canBeSent }) ?? true else {
            throw RivetError(
                .invalidConfiguration,
                "the metadata of \(own.endpoint.text) has a clientToken with characters that cannot be sent",
                fault: .server
            )
        }
        return ServerAddress(
            named.endpoint,
            namespace: [metadata.namespace, named.namespace].compactMap { $0 }.first { !$0.isEmpty } ?? own.namespace,
            namedToken: token,
            configuration,
            tokens
        )
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Where a client sends everything, once metadata has had its say (PROTOCOL a3).
struct ServerAddress: Sendable {
    let endpoint: Endpoint
    let namespace: String
    let token: Secret?
}

extension ClientContext {
    /// Looks metadata up once for all calls of the client; a failure is not kept (B12–B17).
    func serverAddress(deadline: TimePoint) async throws -> ServerAddress {
        let own = ServerAddress(
            endpoint: configuration.endpoint,
            namespace: configuration.namespace,
            token: configuration.token
        )
        guard configuration.looksUpMetadata else { return own }
        if let known = metadata.current { return known }
        var pause = Duration.milliseconds(250)
        var cause: RivetError?
        while true {
            do {
                return try await withDeadline(deadline, time: time) { [self] in
                    try await metadata.value { [self] in try await fetchMetadata(own, deadline: deadline) }
                }
            } catch let error as DeadlinePassedError {
                throw noMetadata(own.endpoint, cause, error)
            } catch let error as RivetError where error.isTransient {
                // Retried within this call's deadline; the next call tries again (B14).
                do {
                    try await self.pause(&pause, before: deadline, after: error)
                } catch let error as RivetError {
                    throw noMetadata(own.endpoint, error, error)
                }
                cause = error
            } catch let error as RivetError where error.fault != .caller && error.code != .invalidConfiguration {
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

    private func fetchMetadata(_ own: ServerAddress, deadline: TimePoint) async throws -> ServerAddress {
        let head = HTTPRequestHead(
            target: own.endpoint.basePath + ActorsAPITarget.metadata(namespace: own.namespace),
            fields: try fields(own: [:])
        )
        let answer = try await execute(head, at: own.endpoint, deadline: deadline)
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
        guard let text = metadata.endpoint else { return own }
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
        // Namespace and token count only together with an endpoint: a token belongs to a host (B12).
        return ServerAddress(
            endpoint: named.endpoint,
            namespace: metadata.namespace ?? named.namespace ?? own.namespace,
            token: metadata.token ?? named.token ?? own.token
        )
    }
}

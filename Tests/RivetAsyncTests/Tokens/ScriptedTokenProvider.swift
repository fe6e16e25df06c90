// SPDX-License-Identifier: Apache-2.0
@testable import RivetAsync

/// A provider of tokens whose questions the test sees, and whose answers it gives.
final class ScriptedTokenProvider: Sendable {
    struct State: Sendable {
        /// What was asked: the refused token, or `-`.
        var questions: [String] = []
        var cancelled = 0
        var answers: [Result<Secret, any Error>] = []
    }

    struct Trouble: Error, Equatable {}

    private let state = Monitor(State(), gauge: ResourceGauge())

    /// `answers` are given in turn; a question beyond them waits for `answer`.
    init(_ answers: String...) {
        state.update { $0.answers = answers.map { .success(Secret($0)) } }
    }

    var questions: [String] { state.current.questions }
    var cancelled: Int { state.current.cancelled }

    func answer(_ token: String) { state.update { $0.answers.append(.success(Secret(token))) } }
    func fail(_ error: any Error = Trouble()) { state.update { $0.answers.append(.failure(error)) } }

    func asked(_ count: Int) async {
        _ = await state.first { $0.questions.count >= count ? true : nil }
    }

    func provide(_ refused: Secret?) async throws -> Secret {
        state.update { $0.questions.append(refused?.reveal() ?? "-") }
        guard let answer = await state.first({ $0.answers.isEmpty ? nil : $0.answers.removeFirst() }) else {
            state.update { $0.cancelled += 1 }
            throw CancellationError()
        }
        return try answer.get()
    }

    /// The same, but deaf to its cancellation.
    func provideStubbornly(_ refused: Secret?) async throws -> Secret {
        state.update { $0.questions.append(refused?.reveal() ?? "-") }
        return try await state.firstUncancellably { $0.answers.isEmpty ? nil : $0.answers.removeFirst() }.get()
    }

    var token: AccessToken { .provided { try await self.provide($0) } }
    var stubborn: AccessToken { .provided { try await self.provideStubbornly($0) } }
}

extension ScriptedTokenProvider {
    /// A JWT whose claims are `claims`; its signature is none.
    static func jwt(_ claims: String) -> String {
        func part(_ text: String) -> String { Base64.encodeURL(text.utf8) }
        return "\(part(#"{"alg":"none"}"#)).\(part(claims)).c2ln"
    }
}

extension RivetClient {
    /// A client that needs no network to say which token it would send: `gatewayURL` of an actor by id has it.
    static func offline(_ token: AccessToken, clock: any Clock<Duration> = ContinuousClock()) throws -> RivetClient {
        var configuration = try RivetConfiguration(endpoint: "http://engine.test", token: token)
        configuration.looksUpMetadata = false
        return RivetClient(configuration, clock: clock)
    }

    /// The token that the next request would carry.
    func currentToken() async throws -> String {
        let url = try await getForID("counter", "id").gatewayURL().reveal()
        return url.split(separator: "@").last.flatMap { PercentEncoding.decode($0) } ?? ""
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// One engine in one encoding: every behaviour is checked on each of them.
struct EngineRow: Sendable, CustomTestStringConvertible {
    enum Engine: Sendable {
        case local
        /// The endpoint of Rivet's own.
        case real(String)

        static let all = [Engine.local] + (RealEngine.endpoint.map { [Engine.real($0)] } ?? [])
    }

    let engine: Engine
    let encoding: RivetConfiguration.Encoding

    static let all = Engine.all.flatMap { engine in
        [RivetConfiguration.Encoding.bare, .cbor, .json].map { EngineRow(engine: engine, encoding: $0) }
    }
    /// For what has no encoding.
    static let once = Engine.all.map { EngineRow(engine: $0, encoding: .bare) }

    var isLocal: Bool { if case .local = engine { true } else { false } }

    /// Whether the local engine is another than Rivet's here, which the documentation says and gives the reason for.
    func differs(_: Difference) -> Bool { isLocal }

    var testDescription: String { "\(isLocal ? "local" : "real"), \(encoding)" }

    /// Gives `body` a client of this engine, then checks that neither end has kept anything.
    ///
    /// - Parameters:
    ///   - limits: of the local engine, where Rivet has them as options of the actor.
    ///   - configure: changes the client's settings.
    ///   - body: the check.
    /// - Throws: what `body` throws.
    func run(
        limits: LocalEngine.Limits = .init(),
        configure: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (Check) async throws -> Void
    ) async throws {
        switch engine {
        case .real(let endpoint):
            try await run(endpoint, .sockets, configure, body)
        case .local:
            let engine = try await LocalEngine.start(limits: limits) { TestActors.register(in: &$0) }
            do {
                try await run(engine.endpoint, engine.transport, configure, body)
            } catch {
                await engine.stop()
                throw error
            }
            await engine.stop()
            #expect(engine.gauge.counts == .zero)
        }
        CheckCount.add(self)
    }

    private func run(
        _ endpoint: String,
        _ transport: RivetTransport,
        _ configure: (inout RivetConfiguration) -> Void,
        _ body: (Check) async throws -> Void
    ) async throws {
        var configuration = try RivetConfiguration(endpoint: endpoint)
        configuration.encoding = encoding
        configuration.callTimeout = .seconds(30)
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(20), cap: .seconds(1))
        configure(&configuration)
        let client = RivetClient(configuration, transport: transport)
        do {
            try await body(Check(row: self, client: client))
        } catch {
            await client.close(within: .zero)
            throw error
        }
        await client.close(within: .zero)
        #expect(client.context.gauge.counts == .zero)
    }
}

/// What a check works with.
struct Check {
    let row: EngineRow
    let client: RivetClient
    /// A real engine keeps its actors, so every run has keys of its own.
    private let run = String(UInt64.random(in: 0 ... .max), radix: 36)

    init(row: EngineRow, client: RivetClient) {
        self.row = row
        self.client = client
    }

    /// A key that nobody has used before.
    func key(_ parts: String...) -> ActorKey { ActorKey(parts + [run]) }

    /// A handle on a new actor of this kind.
    func actor<D: ActorDefinition>(_: D.Type, _ part: String = "one", _ options: HandleOptions = .init())
        -> ActorHandle<D>
    {
        client.getOrCreate(D.self, key(part), options)
    }
}

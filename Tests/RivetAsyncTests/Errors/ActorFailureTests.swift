// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsyncLocal
import Testing

@testable import RivetAsync

enum Shop: ActorDefinition {
    static var actorName: String { "shop" }

    struct Buy: ActorAction {
        typealias Target = Shop
        var kind: String
    }

    struct Order: ActorQueueMessage {
        typealias Target = Shop
        typealias Reply = String
        var kind: String
    }

    /// Its code is made from its name.
    struct SoldOut: ActorFailure, Hashable {
        var article: String
        var left: Int
        var since: Date?
        var proof: Data?
        var price: Decimal?
        var serial: UInt64?
        var others: [String: [Double]] = [:]
    }

    enum Closed: ActorFailure, Hashable, CustomStringConvertible {
        case forever
        case until(hour: Int)

        static var code: String { "shop.closed" }
        var description: String { "we are closed" }
    }

    struct Empty: ActorFailure, Hashable {}

    static let soldOut = SoldOut(
        article: "caf\u{e9} \u{1f600}",
        left: -3,
        since: Date(timeIntervalSince1970: 1_754_512_646.123),
        proof: Data([0, 255, 128]),
        price: Decimal(string: "12345678901234.56789012"),
        serial: .max,
        others: ["$a": [1.5, 1e300], "b": []]
    )

    static func fail(_ kind: String) throws -> Never {
        switch kind {
        case "soldOut": throw soldOut
        case "closed": throw Closed.until(hour: 9)
        case "empty": throw Empty()
        case "otherForm": throw UserError("no", code: SoldOut.code, metadata: ["left": "none"])
        case "noMetadata": throw UserError("no", code: SoldOut.code)
        default: throw UserError("no", code: "other", metadata: soldOut)
        }
    }
}

/// Failures that both ends know as a type.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ActorFailureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let encoding: RivetConfiguration.Encoding
        let way: String
        var testDescription: String { "\(encoding), \(way)" }
    }

    static let cases = [RivetConfiguration.Encoding.bare, .cbor, .json].flatMap { encoding in
        ["HTTP", "connection", "queue"].map { Case(encoding: encoding, way: $0) }
    }

    /// The error that a caller gets for `kind`.
    private func errors(_ row: Case, _ kinds: [String]) async throws -> [RivetError] {
        let engine = try await LocalEngine.start { engine in
            engine.actor(Shop.self, state: 0) { shop in
                shop.on(Shop.Buy.self) { action, _ in try Shop.fail(action.kind) }
                shop.onQueue(Shop.Order.self) { order, _ in try Shop.fail(order.kind) }
            }
        }
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        configuration.encoding = row.encoding
        let client = RivetClient(configuration)
        let shop = client.getOrCreate(Shop.self, ["k"])
        var errors: [RivetError] = []
        for kind in kinds {
            let error = await #expect(throws: RivetError.self) {
                switch row.way {
                case "HTTP": try await shop.send(Shop.Buy(kind: kind))
                case "connection": _ = try await shop.withConnection { try await $0.send(Shop.Buy(kind: kind)) }
                default: _ = try await shop.enqueueAndWait(Shop.Order(kind: kind), timeout: .seconds(30))
                }
            }
            errors += error.map { [$0] } ?? []
        }
        await client.close(within: .zero)
        await engine.stop()
        try #require(errors.count == kinds.count)
        return errors
    }

    @Test("B257, B258: a failure that is thrown by a handler is found by the caller, equal", arguments: cases)
    func found(_ row: Case) async throws {
        let errors = try await errors(row, ["soldOut", "closed", "empty"])
        #expect(errors[0].failure(as: Shop.SoldOut.self) == Shop.soldOut)
        #expect(errors[0].remote?.group == "user")
        #expect(errors[0].remote?.code == "sold_out")
        #expect(errors[0].remote?.message == "sold_out")
        #expect(errors[0].remote?.actorID != nil)
        #expect(errors[1].failure(as: Shop.Closed.self) == .until(hour: 9))
        #expect(errors[1].remote?.code == "shop.closed")
        #expect(errors[1].remote?.message == "we are closed")
        #expect(errors[2].failure() == Shop.Empty())
        // Of one type only.
        #expect(errors[0].failure(as: Shop.Closed.self) == nil)
        #expect(errors[1].failure(as: Shop.SoldOut.self) == nil)
        for error in errors {
            #expect(error.fault == .actor)
            #expect(error.execution == .ran)
            #expect(!"\(error)".contains("12345678901234"))
        }
    }

    @Test("B257: of another code or form it is no failure, and the error is whole", arguments: cases)
    func notFound(_ row: Case) async throws {
        let errors = try await errors(row, ["otherForm", "noMetadata", "other"])
        for error in errors { #expect(error.failure(as: Shop.SoldOut.self) == nil) }
        #expect(errors.map { $0.remote?.code } == ["sold_out", "sold_out", "other"])
        #expect(errors.map { $0.remote?.message } == ["no", "no", "no"])
        #expect(try errors[0].remote?.metadata(as: [String: String].self) == ["left": "none"])
    }

    @Test("B257: another group is no failure")
    func ofAnotherGroup() {
        func error(_ group: String, _ code: String) -> RivetError {
            let metadata = EncodedValue(bytes: ByteChunk("{}".utf8), format: .json)
            let remote = RemoteError(group: group, code: code, message: "", metadata: metadata)
            return RivetError(.remote, "", fault: .actor, remote: remote)
        }
        #expect(error("user", "empty").failure(as: Shop.Empty.self) != nil)
        #expect(error("actor", "empty").failure(as: Shop.Empty.self) == nil)
        #expect(error("User", "empty").failure(as: Shop.Empty.self) == nil)
        #expect(error("user", "Empty").failure(as: Shop.Empty.self) == nil)
        #expect(RivetError(.connectionLost, "", fault: .network).failure(as: Shop.Empty.self) == nil)
    }
}

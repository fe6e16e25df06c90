// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Synchronization

/// Doors that handlers wait at until a test opens them.
final class Gates: Sendable {
    private let signals = Mutex<[String: Signal]>([:])

    subscript(name: String) -> Signal {
        signals.withLock { signals in
            if let signal = signals[name] { return signal }
            let signal = Signal()
            signals[name] = signal
            return signal
        }
    }
}

/// An actor with one action for each thing that a test wants to see.
enum ProbeActor: ActorDefinition {
    static var actorName: String { "probe" }

    struct Echo: ActorAction {
        typealias Target = ProbeActor
        typealias Output = String
        static var argumentStyle: ArgumentStyle { .positional }
        var text: String
    }
    /// Notes that it has started, waits for the gate, and answers with its name.
    struct Wait: ActorAction {
        typealias Target = ProbeActor
        typealias Output = String
        static var argumentStyle: ArgumentStyle { .positional }
        var gate: String
    }
    struct Say: ActorAction {
        typealias Target = ProbeActor
        static var argumentStyle: ArgumentStyle { .positional }
        var text: String
    }
    struct Whisper: ActorAction { typealias Target = ProbeActor }
    struct Kick: ActorAction {
        typealias Target = ProbeActor
        static var argumentStyle: ArgumentStyle { .positional }
        var reason: String?
    }
    struct Fail: ActorAction {
        typealias Target = ProbeActor
        static var argumentStyle: ArgumentStyle { .positional }
        var kind: String
    }
    struct Big: ActorAction {
        typealias Target = ProbeActor
        typealias Output = String
        static var argumentStyle: ArgumentStyle { .positional }
        var count: Int
    }
    struct BigEvent: ActorAction {
        typealias Target = ProbeActor
        static var argumentStyle: ArgumentStyle { .positional }
        var count: Int
    }
    struct Parameters: ActorAction {
        typealias Target = ProbeActor
        typealias Output = String
    }
    struct Sleep: ActorAction { typealias Target = ProbeActor }
    struct Destroy: ActorAction { typealias Target = ProbeActor }
    /// Adds to the state after a while.
    struct Later: ActorAction {
        typealias Target = ProbeActor
        static var argumentStyle: ArgumentStyle { .positional }
        var seconds: Int
    }
    struct Add: ActorAction {
        typealias Target = ProbeActor
        typealias Output = Int
        static var argumentStyle: ArgumentStyle { .positional }
        var amount: Int
    }
    struct Said: ActorEvent {
        typealias Source = ProbeActor
        static var argumentStyle: ArgumentStyle { .positional }
        var text: String
    }
    struct Job: ActorQueueMessage {
        typealias Target = ProbeActor
        typealias Reply = String
        var name: String
    }
    struct Silent: ActorQueueMessage {
        typealias Target = ProbeActor
        var name: String
    }
    struct Mistake: Error {}

    /// What the hooks do, by the connection's parameters.
    struct Wish: Codable {
        var refuseBefore, refuseAfter, crash, hang, greet: Bool?
        var name: String?
    }

    static func define(_ kind: inout ActorKind<ProbeActor, Int>, _ log: Recorder<String>, _ gates: Gates) {
        kind.on(Echo.self) { action, _ in action.text }
        kind.on(Wait.self) { action, _ in
            log.add("start \(action.gate)")
            await gates[action.gate].wait()
            try Task.checkCancellation()
            return action.gate
        }
        kind.on(Say.self) { action, actor in
            actor.broadcast(Said(text: action.text))
            return NoValue()
        }
        kind.on(Whisper.self) { _, _, connection in
            await connection.send(Said(text: "psst"))
            return NoValue()
        }
        kind.on(Kick.self) { action, _, connection in
            await connection.disconnect(reason: action.reason)
            return NoValue()
        }
        kind.on(Fail.self) { action, _ in
            switch action.kind {
            case "user": throw UserError("no")
            case "coded": throw UserError("declined", code: "declined", metadata: ["b": 2.5, "a": 1])
            default: throw Mistake()
            }
        }
        kind.on(Big.self) { action, _ in String(repeating: "x", count: action.count) }
        kind.on(BigEvent.self) { action, actor in
            actor.broadcast(Said(text: String(repeating: "x", count: action.count)))
            return NoValue()
        }
        kind.on(Parameters.self) { _, _, connection in
            let name = try connection.parameters(as: Wish.self)?.name ?? "none"
            return "\(name), \(connection.state(as: String.self) ?? "no state")"
        }
        kind.on(Sleep.self) { _, actor in
            actor.sleep()
            return NoValue()
        }
        kind.on(Destroy.self) { _, actor in
            actor.destroy()
            return NoValue()
        }
        kind.on(Later.self) { action, actor in
            actor.schedule(Add(amount: 10), after: .seconds(action.seconds))
            return NoValue()
        }
        kind.on(Add.self) { action, actor in
            actor.state += action.amount
            log.add("state \(actor.state)")
            return actor.state
        }
        kind.onQueue(Job.self) { job, _ in
            log.add("job \(job.name)")
            if job.name.hasPrefix("wait") { await gates[job.name].wait() }
            try Task.checkCancellation()
            if job.name == "fail" { throw UserError("bad job", code: "bad_job") }
            return "did \(job.name)"
        }
        kind.onQueue(Silent.self) { _, _ in NoValue() }
        defineHooks(&kind, log)
    }

    private static func defineHooks(_ kind: inout ActorKind<ProbeActor, Int>, _ log: Recorder<String>) {
        kind.onBeforeConnect { connection, _ in
            log.add("before")
            let wish = try connection.parameters(as: Wish.self)
            if wish?.refuseBefore == true { throw UserError("Not you", code: "no_entry", metadata: ["why": "list"]) }
            if wish?.crash == true { throw Mistake() }
            if wish?.hang == true { try await Task.sleep(for: .seconds(3_600)) }
        }
        kind.createConnectionState { connection, actor in
            log.add("create, \(actor.connections.count) visible")
            return "state of \(try connection.parameters(as: Wish.self)?.name ?? "nobody")"
        }
        kind.onConnect { connection, actor in
            log.add("connect, \(actor.connections.count) visible")
            let wish = try connection.parameters(as: Wish.self)
            if wish?.greet == true { await connection.send(Said(text: "welcome")) }
            if wish?.refuseAfter == true { throw UserError("Not now", code: "not_now") }
        }
        kind.onDisconnect { _, actor in log.add("disconnect, \(actor.connections.count) visible") }
        kind.onWake { actor in log.add("wake \(actor.generation)") }
        kind.onSleep { _ in log.add("sleep") }
        kind.onDestroy { _ in log.add("destroy") }
    }
}

/// An engine with the probe.
struct ProbeEngine {
    let log = Recorder<String>()
    let gates = Gates()
    var kind = StreamPair.Kind.memory
    var clock: any Clock<Duration> = TestClock()
    var limits = LocalEngine.Limits()
    var settings = LocalEngine.Settings()

    func run(_ body: (LocalEngine, PlainPeer) async throws -> Void) async throws {
        try await withEngine(clock: clock, transport: kind.transport, limits: limits, settings: settings) { registry in
            registry.actor(ProbeActor.self, state: 0) { kind in ProbeActor.define(&kind, log, gates) }
        } _: { engine in
            try await PlainPeer.with(engine, kind) { peer in try await body(engine, peer) }
        }
    }

    /// Returns when the log holds `entry`, so many times.
    func waitFor(_ entry: String, times: Int = 1) async throws {
        try await until { log.all.count(where: { $0 == entry }) >= times }
    }
}

/// Messages of a connection in json.
enum Wire {
    static func call(_ id: Int, _ name: String, _ arguments: String = "") -> PlainPeer.Frame {
        .text(
            #"{"body":{"tag":"ActionRequest","val":{"id":["$BigInt","\#(id)"],"name":"\#(name)","args":[\#(arguments)]}}}"#
        )
    }

    static func subscribe(_ name: String, _ subscribe: Bool = true) -> PlainPeer.Frame {
        .text(#"{"body":{"tag":"SubscriptionRequest","val":{"eventName":"\#(name)","subscribe":\#(subscribe)}}}"#)
    }

    static func answer(_ id: Int, _ output: String) -> PlainPeer.Frame {
        .text(#"{"body":{"tag":"ActionResponse","val":{"id":["$BigInt","\#(id)"],"output":\#(output)}}}"#)
    }

    static func event(_ name: String, _ arguments: String) -> PlainPeer.Frame {
        .text(#"{"body":{"tag":"Event","val":{"args":[\#(arguments)],"name":"\#(name)"}}}"#)
    }

    /// An error of an action, of an actor without restarts.
    static func error(
        _ id: Int,
        _ actor: String,
        _ group: String,
        _ code: String,
        _ message: String,
        metadata: String? = nil,
        generation: Int = 1
    ) -> PlainPeer.Frame {
        .text(
            #"{"body":{"tag":"Error","val":{"actionId":["$BigInt","\#(id)"],"actor":{"actorId":"\#(actor)","#
                + #""generation":\#(generation),"key":"my-counter"},"code":"\#(code)","group":"\#(group)","#
                + #""message":"\#(message)"\#(metadata.map { ",\"metadata\":\($0)" } ?? "")}}}"#
        )
    }
}

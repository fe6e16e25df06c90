// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@testable import RivetAsyncLocal

/// Sleep, wake, kill, destroy and schedules (PROTOCOL k2, k5, k8, k9).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LocalLifecycleTests {
    @Test func aSleepingActorKeepsItsConnectionAndWakesForTheNextMessage() async throws {
        let test = ProbeEngine()
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.subscribe("said"))
            peer.send(Wire.call(0, "add", "5"))
            #expect(try await peer.frame() == Wire.answer(0, "5"))
            peer.send(Wire.call(1, "sleep"))
            #expect(try await peer.frame() == Wire.answer(1, "null"))
            try await test.waitFor("sleep")
            // No second Init: parameters, state and subscriptions are still there.
            peer.send(Wire.call(2, "add", "5"))
            #expect(try await peer.frame() == Wire.answer(2, "10"))
            peer.send(Wire.call(3, "say", #""awake""#))
            #expect(try await peer.frame() == Wire.event("said", #""awake""#))
            #expect(try await peer.frame() == Wire.answer(3, "null"))
            #expect(test.log.all.filter { $0.hasPrefix("wake") } == ["wake 1", "wake 2"])
        }
    }

    private final class Outlet: ConnectionOutlet {
        let ray = "ray"
        let told = Recorder<String>()
        func send(_ message: [UInt8], _ kind: OutgoingKind) { told.add("\(kind)") }
        func close(_ closing: WebSocketClosing) { told.add("closed") }
    }

    /// The connection comes as where the gateway has just seen that the actor runs.
    @Test(arguments: [true, false], [true, false])
    func aConnectionThatComesWhileTheActorFallsAsleepOpensWhenItIsAwakeAgain(isFirst: Bool, ends: Bool) async throws {
        let hooks = Recorder<String>()
        var registry = LocalEngine.Registry()
        registry.actor(ProbeActor.self, state: 0) { kind in
            kind.onConnect { _, _ in hooks.add("connect") }
            kind.onDisconnect { _, _ in hooks.add("disconnect") }
        }
        let engine = EngineState(
            kinds: registry.kinds,
            limits: .init(),
            settings: .init(),
            authentication: .none,
            time: TimeSource(TestClock()),
            gauge: ResourceGauge()
        )
        let actor = engine.getOrCreate(.init(name: "probe", keyText: "a", pool: "default")).actor
        try await actor.ready()
        let outlet = Outlet()
        let connection = HostedConnection(actor: actor, parameters: nil, encoding: .json, outlet: outlet)
        actor.run { hosted in
            if isFirst { hosted.spawnConnect(connection) }
            hosted.beginSleep()
            if !isFirst { hosted.spawnConnect(connection) }
            if ends { hosted.ended(connection) }
        }
        try await until { await actor.generation == 2 }
        try await actor.ready()
        if ends {
            await actor.lane.untilTurnEnds()
        } else {
            try await until { !outlet.told.all.isEmpty }
        }
        #expect(outlet.told.all == (ends ? [] : ["initial"]))
        #expect(hooks.all == (ends ? [] : ["connect"]))
        await engine.tasks.stop(within: .seconds(600))
        await engine.forgetActors()
    }

    @Test func messagesBehindTheWishToSleepAreKeptInOrder() async throws {
        let test = ProbeEngine()
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(0, "sleep"))
            for id in 1...5 { peer.send(Wire.call(id, "add", "1")) }
            // The outputs show in which order the actions ran; their answers come in any (PROTOCOL k5).
            var answers: [String] = []
            for _ in 0...5 { answers.append(try await peer.frame().text) }
            #expect(answers.sorted() == (0...5).map { Wire.answer($0, $0 == 0 ? "null" : "\($0)").text })
        }
    }

    @Test(arguments: [true, false])
    func anActorThatSleepsAsSoonAsItWakesServesWhatWokeIt(overHTTP: Bool) async throws {
        let test = ProbeEngine()
        try await withEngine { registry in
            registry.actor(ProbeActor.self, state: 0) { kind in
                ProbeActor.define(&kind, test.log, test.gates)
                kind.onWake { actor in actor.sleep() }
            }
        } _: { engine in
            try await PlainPeer.with(engine) { peer in
                let actor = try await peer.getOrCreate("probe")
                if overHTTP {
                    let body = Array(#"{"args":[5]}"#.utf8)
                    let answer = try await peer.request("POST", "/gateway/\(actor)/action/add", body: body)
                    #expect(answer.text == #"{"output":5}"#)
                } else {
                    try await peer.connect(actor)
                    peer.send(Wire.call(0, "add", "5"))
                    #expect(try await peer.frame() == Wire.answer(0, "5"))
                }
                try await test.waitFor("sleep")
            }
        }
    }

    @Test func anActorDoesNotFallAsleepAtTheTimeOfItsSchedule() async throws {
        let clock = TestClock()
        let test = ProbeEngine(clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            // The idle time is 30 s too.
            let body = Array(#"{"args":[30]}"#.utf8)
            #expect(try await peer.request("POST", "/gateway/\(actor)/action/later", body: body).status == 200)
            await clock.advance(by: .seconds(30))
            try await test.waitFor("state 10")
            #expect(try await peer.request("GET", "/gateway/\(actor)/health").text == "ok")
            #expect(test.log.all.filter { $0 == "sleep" || $0.hasPrefix("wake") } == ["wake 1"])
        }
    }

    @Test func aConnectionThatGoesDuringAHookGetsNoMoreOfThem() async throws {
        let (hooks, door) = (Recorder<String>(), Signal())
        try await withEngine { registry in
            registry.actor(ProbeActor.self, state: 0) { kind in
                kind.on(ProbeActor.Echo.self) { action, _ in action.text }
                kind.onBeforeConnect { connection, _ in
                    hooks.add("before")
                    if hooks.all.count == 1 { await door.wait() }
                }
                kind.onConnect { _, _ in hooks.add("connect") }
                kind.onDisconnect { _, _ in hooks.add("disconnect") }
            }
        } _: { engine in
            let actor = try await PlainPeer.with(engine) { peer in
                let actor = try await peer.getOrCreate("probe")
                _ = try await peer.upgrade("/gateway/\(actor)/connect")
                try await until { !hooks.all.isEmpty }
                // The actor is told before the answer leaves.
                peer.send(PlainPeer.Frame.close(1000))
                _ = try await peer.readToEnd()
                return actor
            }
            try await PlainPeer.with(engine) { peer in
                door.set()
                let body = Array(#"{"args":["x"]}"#.utf8)
                _ = try await peer.request("POST", "/gateway/\(actor)/action/echo", body: body)
                try await until { hooks.all.last == "disconnect" }
            }
        }
        // Those of the request only.
        #expect(hooks.all == ["before", "before", "connect", "disconnect"])
    }

    @Test func anIdleActorFallsAsleepUnlessSocketsKeepIt() async throws {
        let clock = TestClock()
        let test = ProbeEngine(clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            #expect(try await peer.request("GET", "/gateway/\(actor)/health").text == "ok")
            // The idle time begins when the request's hooks are done, which is after its answer.
            while !test.log.all.contains("sleep") {
                try Task.checkCancellation()
                await clock.advance(by: .seconds(30))
            }
            try await peer.connect(actor)
            await clock.advance(by: .seconds(300))
            #expect(test.log.all.count(where: { $0 == "sleep" }) == 1)
        }
    }

    @Test func bySettingItSleepsWithSocketsToo() async throws {
        let clock = TestClock()
        var test = ProbeEngine(clock: clock)
        test.settings.sleepsWithConnections = true
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            // The idle time begins before the answer is sent.
            peer.send(Wire.call(0, "add", "1"))
            #expect(try await peer.frame() == Wire.answer(0, "1"))
            await clock.advance(by: .seconds(30))
            try await test.waitFor("sleep")
            peer.send(Wire.call(1, "add", "1"))
            #expect(try await peer.frame() == Wire.answer(1, "2"))
        }
    }

    @Test func aKilledActorRunsAgainWhatWasUnderWay() async throws {
        let test = ProbeEngine()
        try await test.run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(0, "wait", #""door""#))
            try await test.waitFor("start door")
            await engine.faults.killActors()
            try await test.waitFor("start door", times: 2)
            test.gates["door"].set()
            #expect(try await peer.frame() == Wire.answer(0, #""door""#))
        }
        let other = ProbeEngine()
        try await other.run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            async let answer = peer.request(
                "POST",
                "/gateway/\(actor)/action/wait",
                body: Array(#"{"args":["door"]}"#.utf8)
            )
            try await other.waitFor("start door")
            await engine.faults.killActors()
            try await other.waitFor("start door", times: 2)
            other.gates["door"].set()
            let done = try await answer
            #expect(done.text == #"{"output":"door"}"#)
            #expect(done["x-rivet-actor-generation"] == "2")
        }
    }

    @Test func destroyClosesEveryConnectionAndFreesTheKey() async throws {
        let test = ProbeEngine()
        try await test.run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await PlainPeer.with(engine) { (other) async throws in
                try await other.connect(actor)
                try await peer.connect(actor)
                peer.send(Wire.call(0, "destroy"))
                #expect(try await peer.frame() == Wire.answer(0, "null"))
                #expect(try await peer.frame() == .close(1000))
                #expect(try await other.frame() == .close(1000))
            }
            try await test.waitFor("destroy")
            try await PlainPeer.with(engine) { (other) async throws in
                let gone = try await other.request("POST", "/gateway/\(actor)/action/echo", body: Array("{}".utf8))
                #expect(gone.status == 404)
                #expect(gone["x-rivet-error"] == "actor.not_found")
                // By id it is still told of, with the time of its end; by key there is a new one.
                let found = try await other.request("GET", "/actors?actor_ids=\(actor)&namespace=default").text
                #expect(found.contains(actor) && !found.contains(#""destroy_ts":null"#))
                #expect(try await other.getOrCreate("probe") != actor)
            }
        }
    }

    @Test func aDestroyWaitsForTheWorkUnderWayAsLongAsTheGrace() async throws {
        let clock = TestClock()
        let test = ProbeEngine(clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(0, "wait", #""slow""#))
            peer.send(Wire.call(1, "wait", #""never""#))
            try await test.waitFor("start never")
            peer.send(Wire.call(2, "destroy"))
            #expect(try await peer.frame() == Wire.answer(2, "null"))
            test.gates["slow"].set()
            #expect(try await peer.frame() == Wire.answer(0, #""slow""#))
            await clock.advance(by: .seconds(15))
            #expect(try await peer.frame() == .close(1000))
        }
    }

    @Test func aScheduledActionWakesItsActor() async throws {
        let clock = TestClock()
        let test = ProbeEngine(clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(0, "later", "60"))
            #expect(try await peer.frame() == Wire.answer(0, "null"))
            peer.send(Wire.call(1, "sleep"))
            #expect(try await peer.frame() == Wire.answer(1, "null"))
            try await test.waitFor("sleep")
            await clock.advance(by: .seconds(59))
            #expect(!test.log.all.contains("state 10"))
            await clock.advance(by: .seconds(1))
            try await test.waitFor("state 10")
            #expect(test.log.all.contains("wake 2"))
        }
    }

    @Test func aStartThatFailsClosesWhatHibernatesAndKeepsWhatIsScheduled() async throws {
        let clock = TestClock()
        let test = ProbeEngine(clock: clock)
        try await withEngine(clock: clock) { registry in
            registry.actor(ProbeActor.self, state: 0) { kind in
                ProbeActor.define(&kind, test.log, test.gates)
                kind.onWake { actor in if actor.generation == 2 { throw ProbeActor.Mistake() } }
            }
        } _: { engine in
            try await PlainPeer.with(engine) { peer in
                let actor = try await peer.getOrCreate("probe")
                let ray = try await peer.upgrade("/gateway/\(actor)/connect")["x-rivet-ray-id"] ?? "none"
                _ = try await peer.frame()
                let later = Array(#"{"args":[60]}"#.utf8)
                try await PlainPeer.with(engine) { other in
                    let answer = try await other.request("POST", "/gateway/\(actor)/action/later", body: later)
                    #expect(answer.status == 200)
                    let none = Array(#"{"args":[]}"#.utf8)
                    let slept = try await other.request("POST", "/gateway/\(actor)/action/sleep", body: none)
                    #expect(slept.status == 200)
                    try await test.waitFor("sleep")
                    await clock.advance(by: .seconds(60))
                    let closed = try await peer.frame()
                    #expect(closed == .close(1011, "guard.actor_wake_retries_exceeded#\(ray)"))
                    // The next start is another's.
                    let add = Array(#"{"args":[1]}"#.utf8)
                    #expect(try await other.request("POST", "/gateway/\(actor)/action/add", body: add).status == 200)
                }
                try await test.waitFor("state 11")
            }
        }
    }

    @Test func inputAndKeyMakeTheState() async throws {
        enum Room: ActorDefinition {
            struct Describe: ActorAction {
                typealias Target = Room
                typealias Output = String
            }
        }
        struct Input: Codable { var topic: String }
        try await withEngine {
            $0.actor(
                Room.self,
                state: { input, key in
                    "\(key.parts) \(try input.decode(Input.self)?.topic ?? "nothing")"
                }
            ) { room in room.on(Room.Describe.self) { _, actor in actor.state } }
        } _: { engine in
            try await PlainPeer.with(engine) { (peer) async throws in
                // {"topic":"tea"} in CBOR, in Base64.
                let body =
                    #"{"name":"room","key":"a/b","input":"oWV0b3BpY2N0ZWE=","runner_name_selector":"default","#
                    + #""crash_policy":"sleep"}"#
                let created = try await peer.request("PUT", "/actors?namespace=default", body: Array(body.utf8)).text
                let actor = String(created.dropFirst(#"{"actor":{"actor_id":""#.count).prefix(30))
                let answer = try await peer.request(
                    "POST",
                    "/gateway/\(actor)/action/describe",
                    body: Array("{}".utf8)
                )
                #expect(answer.text == #"{"output":"[\"a\", \"b\"] tea"}"#)
            }
        }
    }
}

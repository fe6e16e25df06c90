// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// What all actors of an engine share: kinds, limits, time, tasks and the directory of actors.
///
/// It knows no sockets, only the lanes that they are on, which help those of its actors.
final class EngineState: Sendable {
    struct Directory {
        /// Destroyed ones too: they can still be asked for by id (PROTOCOL b2).
        var actors: [ActorID: HostedActor] = [:]
        /// The live one of each name and key.
        var byKey: [ActorName: ActorID] = [:]
    }

    struct ActorName: Hashable {
        let name: ExactName
        let keyText: ExactName

        init(name: String, keyText: String) {
            (self.name, self.keyText) = (ExactName(name), ExactName(keyText))
        }
    }

    let kinds: [ExactName: ErasedKind]
    let limits: LocalEngine.Limits
    let settings: LocalEngine.Settings
    let time: TimeSource
    let deadlines: DeadlineScheduler
    let tasks: TaskTracker
    let gauge: ResourceGauge
    let lanes: LaneGroup
    let faults: Faults
    let tokens: TokenBook
    let namespaceID = FreshID.engineID()
    private let directory = Mutex(Directory())

    init(
        kinds: [ExactName: ErasedKind],
        limits: LocalEngine.Limits,
        settings: LocalEngine.Settings,
        authentication: LocalEngine.Authentication,
        time: TimeSource,
        gauge: ResourceGauge
    ) {
        self.kinds = kinds
        self.limits = limits
        self.settings = settings
        self.time = time
        self.gauge = gauge
        lanes = LaneGroup(label: "rivet.local", gauge: gauge)
        deadlines = DeadlineScheduler(time: time, gauge: gauge)
        tasks = TaskTracker(gauge: gauge)
        faults = Faults()
        tokens = TokenBook(authentication, time: time, deadlines: deadlines)
        tasks.spawn { [deadlines] in await deadlines.run() }
    }

    /// Milliseconds since 1970, by the engine's clock.
    var now: Int64 { time.calendarMilliseconds }

    // MARK: Directory

    var allActors: [HostedActor] { directory.withLock { Array($0.actors.values) } }

    func actor(_ id: ActorID) -> HostedActor? { directory.withLock { $0.actors[id] } }

    func actor(name: String, keyText: String) -> HostedActor? {
        directory.withLock { directory in
            directory.byKey[ActorName(name: name, keyText: keyText)].flatMap { directory.actors[$0] }
        }
    }

    /// What a creation asks for.
    struct Creation {
        var name: String
        var keyText: String?
        var pool: String
        var crashPolicy = "sleep"
        /// CBOR.
        var input: ByteChunk?
    }

    /// The actor that is there, or a new one.
    func getOrCreate(_ creation: Creation) -> (actor: HostedActor, created: Bool) {
        if let keyText = creation.keyText, let actor = actor(name: creation.name, keyText: keyText) {
            return (actor, false)
        }
        let new = HostedActor(engine: self, kind: kinds[ExactName(creation.name)], creation: creation)
        return directory.withLock { directory in
            if let keyText = creation.keyText {
                let name = ActorName(name: creation.name, keyText: keyText)
                if let id = directory.byKey[name], let actor = directory.actors[id] { return (actor, false) }
                directory.byKey[name] = new.id
            }
            directory.actors[new.id] = new
            return (new, true)
        }
    }

    /// From now on the key is free and requests by id fail.
    func forgetKey(of actor: HostedActor) {
        guard let keyText = actor.creation.keyText else { return }
        directory.withLock { directory in
            let name = ActorName(name: actor.creation.name, keyText: keyText)
            if directory.byKey[name] == actor.id { directory.byKey[name] = nil }
        }
    }

    /// Lets go of all actors, so that nothing keeps anything else alive.
    func forgetActors() async {
        let actors = directory.withLock { directory in
            defer { directory = Directory() }
            return Array(directory.actors.values)
        }
        for actor in actors {
            await actor.forget()
            await actor.lane.shutDown()
        }
    }

    // MARK: Waiting

    /// Runs `body` as a task of the engine that is cancelled at `deadline`; then, or when it fails, throws.
    func bounded<T: Sendable>(
        until deadline: TimePoint,
        failingWith failure: EngineError,
        on executor: any TaskExecutor,
        isolation: isolated (any Actor)? = #isolation,
        _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let promise = Promise<T>(gauge: gauge)
        guard let id = tasks.begin() else { throw CancellationError() }
        let task = Task(executorPreference: executor) {
            // Captured, so that the task starts on the caller's actor, in the order of the calls.
            _ = isolation
            do {
                promise.finish(.success(try await body()))
            } catch {
                promise.finish(.failure(error))
            }
            self.tasks.ended(id)
        }
        tasks.started(id, task)
        let timer = deadlines.schedule(at: deadline) {
            if promise.finish(.failure(failure)) { task.cancel() }
        }
        defer { deadlines.cancel(timer) }
        do {
            return try await promise.value()
        } catch {
            task.cancel()
            throw error
        }
    }
}

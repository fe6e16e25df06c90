// SPDX-License-Identifier: Apache-2.0
import CEpoll
import Glibc
import Synchronization
import Testing

@testable import RivetAsync

/// Each rule of a lane (Design, "Waiting for the network").
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LaneTests {
    private let gauge = ResourceGauge()

    @Test func jobsRunInOrderOneAtATimeAndOnTheLane() async {
        let lane = Lane()
        let order = Mutex<[Int]>([])
        #expect(!lane.isCurrent)
        for number in 0..<1_000 {
            lane.run {
                #expect(lane.isCurrent)
                order.withLock { $0.append(number) }
            }
        }
        await lane.perform {}
        #expect(order.withLock { $0 } == Array(0..<1_000))
    }

    @Test func aJobEnqueuedOnTheLaneRunsAfterThoseBefore() async {
        let lane = Lane()
        let order = Mutex<[Int]>([])
        await withCheckedContinuation { continuation in
            lane.run {
                lane.run {
                    order.withLock { $0.append(2) }
                    continuation.resume()
                }
                order.withLock { $0.append(1) }
            }
        }
        #expect(order.withLock { $0 } == [1, 2])
    }

    @Test func roomForABurstOfJobsIsNotKept() async {
        let lane = Lane()
        for _ in 0..<5 {
            await lane.perform { for _ in 0..<100_000 { lane.run {} } }
            await lane.perform {}
        }
        #expect(await lane.perform { lane.jobCapacity } <= 3 * Lane.mostKeptJobs)
    }

    @Test func jobsFromManyThreadsAllRun() async {
        let lane = Lane(gauge: gauge)
        let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
        let count = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var count = 0
                    // Now and then the lane sleeps in the set, or is idle, when the next job comes.
                    for _ in 0..<500 { count += await lane.perform { 1 } }
                    return count
                }
            }
            return await group.reduce(0, +)
        }
        #expect(count == 4_000)
        await lane.perform { pipe.close() }
        await lane.shutDown()
        #expect(gauge.counts == .zero)
    }

    /// Where the lane sleeps, a visitor does on its own thread what would wake it else.
    @Test func aVisitorOfASleepingLaneWakesNobody() async throws {
        let lane = Lane(gauge: gauge)
        let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
        let member = Member()
        let order = Mutex<[String]>([])
        member.onTurnEnd = { order.withLock { $0.append("end of turn") } }
        member.onReady = { order.withLock { $0.append("next turn") } }
        var wasVisited = false
        // It sleeps in the set for a while after each job, and now and then a visit falls into that while.
        while !wasVisited {
            order.withLock { $0 = [] }
            await lane.perform {}
            let thread = SystemCalls.currentThread
            let seen = Mutex<UInt?>(nil)
            lane.visit {
                #expect(lane.isCurrent)
                order.withLock { $0.append("visit") }
                lane.atEndOfTurn(member)
                lane.nextTurn(member)
                lane.run { order.withLock { $0.append("job") } }
                seen.withLock { $0 = SystemCalls.currentThread }
            }
            wasVisited = seen.withLock { $0 } == thread
            #expect(!wasVisited || !lane.isCurrent)
            try await until { order.withLock { $0.count } == 4 }
        }
        #expect(order.withLock { $0 } == ["visit", "end of turn", "next turn", "job"])
        await lane.perform { pipe.close() }
        await lane.shutDown()
        #expect(gauge.counts == .zero)
    }

    /// Visitors, jobs and what sockets bring change the same variable, and nobody holds a lock.
    @Test func visitorsComeOneAtATime() async {
        let lane = Lane(gauge: gauge)
        let count = Counted()
        let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
        await lane.perform { pipe.member.onReady = { count.value += 1 } }
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for round in 0..<1_000 {
                        lane.visit { count.value += 1 }
                        if round % 10 == 0 { await lane.perform { count.value += 1 } }
                        if round % 50 == 0 { pipe.poke() }
                    }
                }
            }
        }
        let (visits, jobs) = (8 * 1_000, 8 * 100)
        await lane.perform { pipe.close() }
        // How often the pipe is reported depends on how many pokes come together.
        #expect(await lane.perform { count.value } > visits + jobs)
        #expect(await lane.perform { count.value } <= visits + jobs + 8 * 20 + 1)
        await lane.shutDown()
        #expect(gauge.counts == .zero)
    }

    /// `@unchecked Sendable`: touched on the lane only, which is what the test is about.
    private final class Counted: @unchecked Sendable {
        var value = 0
    }

    @Test func anActorOnALaneIsIsolatedInWhatTheSocketsCall() async throws {
        let lane = Lane(gauge: gauge)
        let owner = LaneActor(lane: lane)
        let pipe = await lane.perform { [gauge] in
            let pipe = DescriptorPair(lane: lane, gauge: gauge)
            pipe.member.onReady = { owner.assumeIsolated { $0.calls += 1 } }
            return pipe
        }
        pipe.poke()
        try await until { await owner.calls > 0 }
        #expect(await owner.isOnLane)
        await lane.perform { pipe.close() }
        await lane.shutDown()
    }

    @Test(arguments: [false, true])
    func aTaskThatPrefersALaneGoesOnAtOnce(isIsolated: Bool) async {
        let lane = Lane()
        let (owner, other) = (LaneActor(lane: lane), LaneActor(lane: Lane()))
        await Task(executorPreference: isIsolated ? lane.isolatedTaskExecutor : lane.taskExecutor) {
            #expect(lane.isCurrent)
            #expect(await goesOnAtOnce(on: lane) == !isIsolated, "code of no actor")
            #expect(await owner.goesOnAtOnce() == isIsolated, "code of the lane's actor")
            #expect(await other.isOnLane)
            #expect(lane.isCurrent)
        }.value
    }

    @Test func offTheLaneAnAssumedIsolationTraps() async {
        await #expect(processExitsWith: .failure) {
            assumeIsolation(of: LaneActor(lane: Lane()))
        }
    }

    @Test func aLaneCostsNoDescriptorBeforeTheFirstSocket() async {
        let lane = Lane(gauge: gauge)
        await lane.perform {}
        #expect(gauge.counts == .zero)
        let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
        #expect(gauge.counts == .init(descriptors: 3), "the set, the interrupter and the one registered")
        await lane.perform { pipe.close() }
        #expect(gauge.counts == .init(descriptors: 2))
        await lane.shutDown()
        #expect(gauge.counts == .zero)
    }

    /// Two descriptors are ready in one turn; whoever comes first closes the other and registers a third, which gets
    /// the closed one's place and number.
    @Test func anEventForAClosedDescriptorDoesNotReachTheNextOwnerOfItsPlace() async throws {
        let lane = Lane(gauge: gauge)
        let stale = Mutex(0)
        let (a, b) = await lane.perform { [gauge] in
            (DescriptorPair(lane: lane, gauge: gauge), DescriptorPair(lane: lane, gauge: gauge))
        }
        let heir = Mutex<DescriptorPair?>(nil)
        await lane.perform { [gauge] in
            @Sendable func replace(_ other: DescriptorPair) {
                guard heir.withLock({ $0 == nil }) else { return }
                other.close()
                let next = DescriptorPair(lane: lane, gauge: gauge)
                next.member.onReady = { stale.withLock { $0 += 1 } }
                heir.withLock { $0 = next }
            }
            a.member.onReady = { replace(b) }
            b.member.onReady = { replace(a) }
            // Both from within one turn, so that the next wait takes both.
            a.poke()
            b.poke()
        }
        try await until { heir.withLock { $0 != nil } }
        await lane.perform {}
        await lane.perform {}
        #expect(stale.withLock { $0 } == 0)
        await lane.perform {
            a.close()
            b.close()
            heir.withLock { $0?.close() }
        }
        await lane.shutDown()
        #expect(gauge.counts == .zero)
    }

    @Test func aMemberThatWantsToGoOnLetsTheOthersHaveTheirTurn() async throws {
        let lane = Lane(gauge: gauge)
        let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
        let isReady = Mutex(false)
        let greedy = Member()
        await lane.perform {
            pipe.member.onReady = { isReady.withLock { $0 = true } }
            greedy.onReady = {
                if !isReady.withLock({ $0 }) { lane.nextTurn(greedy) }
            }
            lane.nextTurn(greedy)
            pipe.poke()
        }
        // It ends only if the pipe's event is seen although the other member is always ready.
        try await until { isReady.withLock { $0 } }
        await lane.perform { pipe.close() }
        await lane.shutDown()
    }

    @Test func jobsThatGoOnForeverLetTheSocketsHaveTheirTurn() async throws {
        let lane = Lane(gauge: gauge)
        let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
        let isReady = Mutex(false)
        @Sendable func again() {
            if !isReady.withLock({ $0 }) { lane.run(again) }
        }
        await lane.perform {
            pipe.member.onReady = { isReady.withLock { $0 = true } }
            lane.run(again)
            pipe.poke()
        }
        try await until { isReady.withLock { $0 } }
        await lane.perform { pipe.close() }
        await lane.shutDown()
    }

    @Test func theEndOfTheTurnComesAfterTheJobsOfTheTurn() async {
        let lane = Lane()
        let order = Mutex<[String]>([])
        let member = Member()
        member.onTurnEnd = { order.withLock { $0.append("end") } }
        await withCheckedContinuation { continuation in
            lane.run {
                lane.atEndOfTurn(member)
                order.withLock { $0.append("first") }
                lane.run { order.withLock { $0.append("second") } }
                let last = Member()
                last.onTurnEnd = { continuation.resume() }
                lane.atEndOfTurn(last)
            }
        }
        #expect(order.withLock { $0 } == ["first", "second", "end"])
    }

    @Test func anIdleLaneGivesItsThreadBackAndStillWakes() async throws {
        let lane = Lane(gauge: gauge)
        let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
        let calls = Mutex(0)
        await lane.perform { pipe.member.onReady = { calls.withLock { $0 += 1 } } }
        for round in 1...3 {
            try await until { lane.isIdle }
            pipe.poke()
            try await until { calls.withLock { $0 } == round }
            try await until { lane.isIdle }
            await lane.perform {}
        }
        await lane.perform { pipe.close() }
        await lane.shutDown()
    }

    @Test func shutDownEndsWhatIsRegisteredAndJobsStillRun() async throws {
        let pair = try await StreamPair.make(.tcp)
        let client = RecordingHandler()
        await pair.client.setHandlerLater(client)
        await pair.client.lane.shutDown()
        #expect(await client.untilEnd().ends == [.failed(.laneShutDown)])
        await pair.lanes.shutDown()
        #expect(pair.gauge.counts == .zero)
        #expect(await LaneActor(lane: pair.client.lane).isOnLane)
        await #expect(throws: TransportError.laneShutDown) {
            try await TCPSocket.connect(to: .loopback(port: 9), lane: pair.client.lane)
        }
        #expect(await pair.close() == 0)
    }

    @Test func aLaneThatIsDroppedFreesItsDescriptors() async throws {
        weak var dropped: Lane?
        do {
            let lane = Lane(gauge: gauge)
            dropped = lane
            let pipe = await lane.perform { [gauge] in DescriptorPair(lane: lane, gauge: gauge) }
            await lane.perform { pipe.close() }
        }
        try await until { dropped == nil && gauge.counts == .zero }
    }

    /// A handler for the signal makes the calls of the lane's thread end early (EINTR).
    @Test func signalsLoseNothing() async throws {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }  // No SA_RESTART.
        sigaction(SIGUSR2, &action, nil)
        defer { signal(SIGUSR2, SIG_DFL) }
        let pair = try await StreamPair.make(.tcp)
        let total = 8 << 20
        let server = RecordingHandler()
        let pump = PumpingHandler(stream: pair.client, total: total)
        await pair.server.setHandlerLater(server)
        await pair.client.lane.perform {
            pair.client.setHandler(pump)
            pump.writable()
        }
        while server.record.ends.isEmpty {
            for lane in pair.lanes.lanes { await lane.perform { _ = pthread_kill(pthread_self(), SIGUSR2) } }
        }
        #expect(server.record.bytes.count == total)
        #expect(PumpingHandler.matchesPattern(server.record.bytes))
        #expect(await pair.close() == 0)
    }

    @Test func lanesAreGivenInTurn() {
        let group = LaneGroup(count: 3)
        let given = (0..<6).map { _ in ObjectIdentifier(group.next()) }
        #expect(given == group.lanes.map(ObjectIdentifier.init) + group.lanes.map(ObjectIdentifier.init))
    }

    /// A container, or `taskset`, may allow some of the machine's cores only.
    @Test func thereIsALaneForEachCoreThatMayBeUsed() throws {
        var cores = [UInt8](repeating: 0, count: 8_192)
        #expect(core_affinity(0, UInt(cores.count), &cores) >= 0)
        let allowed = (0..<cores.count * 8).filter { cores[$0 / 8] & 1 << ($0 % 8) != 0 }
        #expect(LaneGroup().lanes.count == allowed.count)
        let set = try #require(dlsym(nil, "sched_setaffinity"))
        typealias SetAffinity = @convention(c) (pid_t, Int, UnsafePointer<UInt8>) -> CInt
        let setAffinity = unsafeBitCast(set, to: SetAffinity.self)
        // This thread alone.
        defer { _ = setAffinity(0, cores.count, cores) }
        var one = [UInt8](repeating: 0, count: cores.count)
        let last = try #require(allowed.last)
        one[last / 8] = 1 << (last % 8)
        try #require(setAffinity(0, one.count, one) == 0)
        #expect(LaneGroup().lanes.count == 1)
    }

    // MARK: A lane that is helped

    @Test func whatAHelperGivesIsDoneOnItsThreadBeforeItSends() async {
        let (helper, lane) = helped()
        let order = Mutex<[String]>([])
        await withCheckedContinuation { continuation in
            helper.run {
                let thread = ThreadMark.current
                let member = Member()
                member.onTurnEnd = {
                    order.withLock { $0.append("end of turn") }
                    continuation.resume()
                }
                helper.atEndOfTurn(member)
                lane.run {
                    #expect(lane.isCurrent && ThreadMark.current == thread)
                    order.withLock { $0.append("helped") }
                    helper.run { order.withLock { $0.append("answer") } }
                }
                helper.run {
                    #expect(!lane.isCurrent)
                    order.withLock { $0.append("helper's own") }
                }
            }
        }
        #expect(order.withLock { $0 } == ["helped", "helper's own", "answer", "end of turn"])
        #expect(await lane.perform { lane.isCurrent && !helper.isCurrent }, "what comes from elsewhere")
    }

    @Test func oneThatIsBusyGetsAThreadOfItsOwn() async throws {
        let (helper, lane) = helped()
        let isAlone = Mutex(false)
        @Sendable func again() {
            if helper.isCurrent { lane.run(again) } else { isAlone.withLock { $0 = true } }
        }
        helper.run { lane.run(again) }
        try await until { isAlone.withLock { $0 } }
    }

    /// Each has but one job at a time, and so never gets a thread of its own.
    @Test func twoWhoAreHelpedAndGoOnForeverHoldNobodyUp() async throws {
        let (helper, lane) = helped()
        let pipe = await helper.perform { [gauge] in DescriptorPair(lane: helper, gauge: gauge) }
        let other = Lane(gauge: gauge, helpers: lane.helpers)
        let isReady = Mutex(false)
        @Sendable func ping() { if !isReady.withLock({ $0 }) { other.run(pong) } }
        @Sendable func pong() { lane.run(ping) }
        await helper.perform {
            pipe.member.onReady = { isReady.withLock { $0 = true } }
            lane.run(ping)
            pipe.poke()
        }
        try await until { isReady.withLock { $0 } }
        await helper.perform { pipe.close() }
        await helper.shutDown()
    }

    @Test func whatTheEndOfATurnGivesIsDoneToo() async {
        let (helper, lane) = helped()
        await withCheckedContinuation { continuation in
            helper.run {
                let member = Member()
                member.onTurnEnd = { lane.run { continuation.resume() } }
                helper.atEndOfTurn(member)
            }
        }
    }

    @Test func helpersAndOthersComeOneAtATime() async {
        let (helper, lane) = helped()
        let count = Counted()
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for round in 0..<500 {
                        if round % 2 == 0 {
                            await lane.perform { count.value += 1 }
                        } else {
                            helper.run { lane.run { count.value += 1 } }
                        }
                    }
                }
            }
        }
        // Behind all that the helper had to give.
        await helper.perform {}
        await withCheckedContinuation { continuation in helper.run { lane.run { continuation.resume() } } }
        #expect(await lane.perform { count.value } == 4_000)
    }

    private func helped() -> (helper: Lane, lane: Lane) {
        let group = LaneGroup(count: 1, gauge: gauge)
        return (group.lanes[0], Lane(gauge: gauge, helpers: group))
    }
}

private actor LaneActor {
    let lane: Lane
    var calls = 0

    init(lane: Lane) { self.lane = lane }

    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    var isOnLane: Bool { lane.isCurrent }

    func goesOnAtOnce() async -> Bool { await RivetAsyncTests.goesOnAtOnce(on: lane) }
}

/// Whether a task that a job resumes goes on ahead of what that job enqueues afterwards: not where it is enqueued anew.
private func goesOnAtOnce(on lane: Lane, isolation: isolated (any Actor)? = #isolation) async -> Bool {
    let isBehind = Mutex(false)
    await withCheckedContinuation { continuation in
        lane.run {
            continuation.resume()
            lane.run { isBehind.withLock { $0 = true } }
        }
    }
    return !isBehind.withLock { $0 }
}

private func assumeIsolation(of owner: LaneActor) {
    owner.assumeIsolated { $0.calls += 1 }
}

private enum ThreadMark {
    static var current: UInt { UInt(pthread_self()) }
}

/// `@unchecked Sendable`: touched on one lane only.
private final class Member: LaneMember, @unchecked Sendable {
    var onReady: () -> Void = {}
    var onTurnEnd: () -> Void = {}

    func ready(_ events: ReadyEvents) { if events.contains(.readable) { onReady() } }
    func turnEnds() { onTurnEnd() }
}

/// Two connected descriptors, one of them registered.
private final class DescriptorPair: Sendable {
    let member = Member()
    private let lane: Lane
    private let registration: Registration
    private let far: Int32
    private let isClosed = Mutex(false)

    /// On the lane.
    init(lane: Lane, gauge: ResourceGauge) {
        self.lane = lane
        var pair: [Int32] = [0, 0]
        precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &pair) == 0)
        far = pair[1]
        do {
            registration = try lane.register(pair[0], member)
        } catch {
            fatalError("\(error)")
        }
    }

    /// Makes the registered one readable.
    func poke() {
        var byte: UInt8 = 1
        precondition(write(far, &byte, 1) == 1)
    }

    /// On the lane.
    func close() {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        lane.removeAndClose(registration)
        Glibc.close(far)
    }
}

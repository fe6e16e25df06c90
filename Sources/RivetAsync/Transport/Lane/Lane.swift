// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization

/// What lives on a lane.
///
/// Every call comes on the lane.
package protocol LaneMember: AnyObject {
    /// The registered descriptor is ready, or `Lane.nextTurn` was asked for (then with `.readable`).
    func ready(_ events: ReadyEvents)
    /// The turn in which `Lane.atEndOfTurn` was called is over: send what was gathered.
    func turnEnds()
    /// The lane is about to wait, after `Lane.beforeWaiting` was called.
    func laneWaits()
    /// The lane is shut down; the member lets go of its descriptor.
    func laneShutsDown()
}

extension LaneMember {
    package func ready(_ events: ReadyEvents) {}
    package func turnEnds() {}
    package func laneWaits() {}
    package func laneShutsDown() {}
}

/// A serial queue that waits for its sockets itself, and runs the actors and tasks that belong to them.
///
/// A turn takes what is ready, lets each socket's owner drain it, runs the jobs that came, and sends what was
/// gathered. A busy lane keeps its thread and waits in the readiness set; after ten milliseconds without anything to
/// do it gives the thread back to Dispatch. A queue made by label has Dispatch's overcommit pool behind it, so waiting
/// takes no thread from Swift's own pool.
///
/// `@unchecked Sendable`: what is neither constant nor in `mailbox` is touched only by who has the lane: a turn, which
/// runs on the serial queue, a visitor while that sleeps, or a helper while there is none.
package final class Lane: @unchecked Sendable {
    enum Job {
        /// Of an actor whose executor is this lane.
        case actor(UnownedJob)
        /// Of a task that prefers this lane.
        case task(UnownedJob, LaneTaskExecutor)
        case closure(@Sendable () -> Void)
    }

    private enum Phase: Equatable {
        /// Nobody looks at the mailbox: whoever puts a job in schedules a turn, or leaves it to a helper.
        case idle
        /// A turn is scheduled or under way, or left to a helper, and will look.
        case running
        /// The turn's thread sleeps in the readiness set and must be interrupted.
        case waiting
        /// It sleeps there, and another thread has the lane meanwhile, which will look; whether it has woken up and waits
        /// for that one's end.
        case visited(isAwaited: Bool)
    }

    private struct Mailbox {
        var jobs: [Job] = []
        var phase = Phase.idle
        var readiness: PlatformReadiness?
    }

    private struct Slot {
        var generation: UInt32 = 0
        var descriptor: Int32 = -1
        var member: (any LaneMember)?
    }

    /// How long a lane with nothing to do keeps its thread.
    ///
    /// Longer than the kernel's tick (4 ms where it is 250 Hz): a shorter wait sets the processor's timer anew each
    /// time, 2 µs in a virtual machine.
    private static let lingerMilliseconds: Int32 = 10
    /// Jobs that jobs enqueue run in the same turn, so that their output leaves together; but after this many rounds
    /// the sockets have their turn.
    private static let mostJobRounds = 16
    /// And jobs that came meanwhile may have so many turns before the sockets are asked again.
    private static let mostTurnsWithoutLook = 4

    /// The room for jobs that is kept; more than this in one turn is a burst.
    static let mostKeptJobs = 4_096

    package let label: String
    package let gauge: ResourceGauge
    private let queue: DispatchQueue
    let helpers: LaneGroup?
    private let mailbox = Mutex(Mailbox())
    private let thread = Atomic<UInt>(0)
    /// Signalled by a visitor who is awaited.
    private let visitorLeft = DispatchSemaphore(value: 0)

    private var readiness: PlatformReadiness?
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var jobs: [Job] = []
    private var endingMembers: [any LaneMember] = []
    private var waitingMembers: [any LaneMember] = []
    private var nextMembers: [any LaneMember] = []
    /// Which lanes this one's thread has a turn to do for, and whom it does it for now.
    private var helped: [Lane] = []
    private var beingHelped: [Lane] = []
    private var pool = ReceivePool()
    private var isShutDown = false

    /// Costs no descriptor until the first registration.
    ///
    /// `helpers`, for a lane without sockets: a job that is enqueued from one of these while this lane is idle is run there,
    /// behind the jobs of the same round and before that lane sends. So the answer to what came in leaves in the same
    /// turn, and nobody is woken for it; but what is slow here holds up the sockets there.
    package init(
        label: String = "rivet.lane",
        gauge: ResourceGauge = ResourceGauge(),
        helpers: LaneGroup? = nil
    ) {
        self.label = label
        self.gauge = gauge
        self.helpers = helpers
        queue = DispatchQueue(label: label)
    }

    deinit { readiness?.cancel {} }

    /// Whether the caller runs on this lane.
    package var isCurrent: Bool { thread.load(ordering: .relaxed) == SystemCalls.currentThread }

    /// Whether the lane has given its thread back; a moment later that may be different.
    package var isIdle: Bool { mailbox.withLock { $0.phase == .idle } }

    package func assertCurrent() {
        assert(isCurrent, "to be called on the lane")
    }

    // MARK: Jobs

    /// Runs `body` on the lane after everything that was enqueued before, also when called on it.
    package func run(_ body: @escaping @Sendable () -> Void) {
        enqueue(.closure(body))
    }

    func enqueue(_ job: Job) {
        let (phase, readiness): (Phase, PlatformReadiness?) = mailbox.withLock { mailbox in
            mailbox.jobs.append(job)
            let phase = mailbox.phase
            if phase == .idle || phase == .waiting { mailbox.phase = .running }
            return (phase, phase == .waiting ? mailbox.readiness : nil)
        }
        switch phase {
        case .running, .visited: break
        case .waiting: readiness?.interrupt()
        case .idle:
            if let helper = helpers?.current { helper.helped.append(self) } else { queue.async { self.turn() } }
        }
    }

    /// As ``run(_:)``, but the calling thread does it at once where the lane sleeps and nothing else is to be done: then nobody
    /// has to be woken for it.
    ///
    /// Not under a lock, nor in a cancellation handler, which is under one: `body` may do whatever is done on the lane.
    package func visit(_ body: @escaping @Sendable () -> Void) {
        let isVisitor = mailbox.withLock { mailbox in
            guard mailbox.phase == .waiting, mailbox.jobs.isEmpty else { return false }
            mailbox.phase = .visited(isAwaited: false)
            return true
        }
        guard isVisitor else { return run(body) }
        let sleeper = thread.exchange(SystemCalls.currentThread, ordering: .relaxed)
        body()
        endTurn()
        thread.store(sleeper, ordering: .relaxed)
        let hasMore = !nextMembers.isEmpty || !helped.isEmpty
        let (isAwaited, interrupted): (Bool, PlatformReadiness?) = mailbox.withLock { mailbox in
            if mailbox.phase == .visited(isAwaited: true) { return (true, nil) }
            let isOver = mailbox.jobs.isEmpty && !hasMore
            mailbox.phase = isOver ? .waiting : .running
            return (false, isOver ? nil : mailbox.readiness)
        }
        if isAwaited { visitorLeft.signal() }
        interrupted?.interrupt()
    }

    /// The turn's thread has woken up.
    private func takeBack() {
        let isVisited = mailbox.withLock { mailbox in
            guard case .visited = mailbox.phase else {
                mailbox.phase = .running
                return false
            }
            mailbox.phase = .visited(isAwaited: true)
            return true
        }
        guard isVisited else { return }
        visitorLeft.wait()
        mailbox.withLock { $0.phase = .running }
    }

    // MARK: Descriptors

    /// Takes over `descriptor` and starts to report what it is ready for.
    ///
    /// When that fails it is closed.
    package func register(_ descriptor: Int32, _ member: any LaneMember) throws(TransportError) -> Registration {
        assertCurrent()
        assert(helpers == nil, "a lane without sockets")
        do throws(TransportError) {
            guard !isShutDown else { throw .laneShutDown }
            let registration = try add(descriptor, member, to: openedReadiness())
            gauge.descriptors.add(1, ordering: .relaxed)
            return registration
        } catch {
            SystemCalls.close(descriptor)
            throw error
        }
    }

    private func add(
        _ descriptor: Int32,
        _ member: any LaneMember,
        to readiness: PlatformReadiness
    ) throws(TransportError) -> Registration {
        let index: UInt32
        if let free = freeSlots.popLast() {
            index = free
        } else {
            index = UInt32(slots.count)
            slots.append(Slot())
        }
        let generation = slots[Int(index)].generation &+ 1
        let registration = Registration(slot: index, generation: generation)
        slots[Int(index)] = Slot(generation: generation, descriptor: descriptor, member: member)
        do throws(TransportError) {
            try readiness.add(descriptor, registration)
        } catch {
            slots[Int(index)].member = nil
            freeSlots.append(index)
            throw error
        }
        return registration
    }

    /// From now on `member` gets the events of `registration`.
    package func replaceMember(of registration: Registration, with member: any LaneMember) {
        assertCurrent()
        guard isValid(registration) else { return assertionFailure("replaced after removal") }
        slots[Int(registration.slot)].member = member
    }

    /// Removes the descriptor and closes it.
    ///
    /// No event for it follows, not even one that was taken in this turn.
    package func removeAndClose(_ registration: Registration) {
        assertCurrent()
        guard isValid(registration) else { return assertionFailure("removed twice") }
        let index = Int(registration.slot)
        readiness?.remove(slots[index].descriptor, registration)
        slots[index].member = nil
        slots[index].generation &+= 1
        freeSlots.append(registration.slot)
        gauge.descriptors.subtract(1, ordering: .relaxed)
    }

    package func wantsReadable(_ registration: Registration) { readiness?.wantsReadable(registration) }
    package func wantsWritable(_ registration: Registration) { readiness?.wantsWritable(registration) }

    private func isValid(_ registration: Registration) -> Bool {
        let index = Int(registration.slot)
        return index < slots.count && slots[index].generation == registration.generation
    }

    private func openedReadiness() throws(TransportError) -> PlatformReadiness {
        if let readiness { return readiness }
        let opened = try PlatformReadiness(queue: queue, gauge: gauge) { [weak self] in self?.turn() }
        readiness = opened
        mailbox.withLock { $0.readiness = opened }
        return opened
    }

    // MARK: The turn

    /// Calls `member.turnEnds()` at the end of this turn, once for each call.
    package func atEndOfTurn(_ member: any LaneMember) {
        assertCurrent()
        endingMembers.append(member)
    }

    /// Calls `member.laneWaits()` before the lane waits, once for each call.
    package func beforeWaiting(_ member: any LaneMember) {
        assertCurrent()
        waitingMembers.append(member)
    }

    /// Calls `member.ready(.readable)` in the next turn, so that one busy socket does not hold up the others.
    package func nextTurn(_ member: any LaneMember) {
        assertCurrent()
        nextMembers.append(member)
    }

    /// Memory to receive into; `takeReceived` makes the filled part a chunk.
    ///
    /// On the lane, with no call between.
    package func receiveRoom() -> UnsafeMutableRawBufferPointer { unsafe pool.room() }
    package func takeReceived(_ count: Int) -> ByteChunk { pool.take(count) }

    private func turn() {
        thread.store(SystemCalls.currentThread, ordering: .relaxed)
        var limit: Int32 = 0
        var turnsWithoutLook = 0
        while true {
            var count = 0
            // A member's next turn is to come behind the other sockets.
            if limit > 0 || turnsWithoutLook == 0 || !nextMembers.isEmpty {
                count = readiness?.wait(milliseconds: limit) ?? 0
            }
            takeBack()
            var worked = count > 0
            if continueMembers() { worked = true }
            for index in 0..<count { dispatchEvent(at: index) }
            if runJobs() { worked = true }
            endTurn()
            prepareToWait()
            let phase: Phase = mailbox.withLock { mailbox in
                if mailbox.jobs.isEmpty && nextMembers.isEmpty && helped.isEmpty {
                    let waits = worked && readiness != nil && PlatformReadiness.canWait
                    if waits { mailbox.phase = .waiting } else { becomeIdle(&mailbox) }
                }
                return mailbox.phase
            }
            switch phase {
            case .idle: return
            case .running, .visited:
                limit = 0
                turnsWithoutLook = (turnsWithoutLook + 1) % Self.mostTurnsWithoutLook
            case .waiting:
                limit = Self.lingerMilliseconds
                turnsWithoutLook = 0
            }
        }
    }

    /// The same for a lane without sockets, on the thread of one that helps.
    private func helpedTurn() {
        thread.store(SystemCalls.currentThread, ordering: .relaxed)
        _ = runJobs()
        endTurn()
        let isOver = mailbox.withLock { mailbox in
            guard mailbox.jobs.isEmpty else { return false }
            becomeIdle(&mailbox)
            return true
        }
        guard !isOver else { return }
        // One that is busy gets a thread of its own.
        thread.store(0, ordering: .relaxed)
        queue.async { self.turn() }
    }

    /// From here on another thread may have the lane.
    private func becomeIdle(_ mailbox: inout Mailbox) {
        thread.store(0, ordering: .relaxed)
        mailbox.phase = .idle
    }

    /// Whom these have something for is helped in the next round, so that two who go on for ever hold nobody up.
    private func help() {
        guard !helped.isEmpty else { return }
        swap(&helped, &beingHelped)
        for lane in beingHelped { lane.helpedTurn() }
        beingHelped.removeAll(keepingCapacity: true)
    }

    private func dispatchEvent(at index: Int) {
        guard let (registration, events) = readiness?.event(at: index) else { return }
        let slot = Int(registration.slot)
        // An interruption, or an event for a descriptor that was closed earlier in this turn, is for nobody.
        guard slot < slots.count, slots[slot].generation == registration.generation else { return }
        slots[slot].member?.ready(events)
    }

    private func continueMembers() -> Bool {
        guard !nextMembers.isEmpty else { return false }
        let members = nextMembers
        nextMembers = []
        for member in members { member.ready(.readable) }
        return true
    }

    private func runJobs() -> Bool {
        for round in 0..<Self.mostJobRounds {
            mailbox.withLock { swap(&$0.jobs, &jobs) }
            if jobs.isEmpty && helped.isEmpty { return round > 0 }
            for index in jobs.indices {
                switch jobs[index] {
                case .actor(let job):
                    unsafe job.runSynchronously(on: asUnownedSerialExecutor())
                case .task(let job, let executor):
                    executor.run(job)
                case .closure(let body):
                    body()
                }
            }
            jobs.removeAll(keepingCapacity: jobs.capacity <= Self.mostKeptJobs)
            help()
        }
        return true
    }

    /// How many jobs there is room for, here and in the mailbox, for tests of the bound.
    var jobCapacity: Int { jobs.capacity + mailbox.withLock { $0.jobs.capacity } }

    private func endTurn() {
        var index = 0
        // What a member writes at the end of the turn may make another one a member of it (TLS above a socket).
        while index < endingMembers.count {
            endingMembers[index].turnEnds()
            index += 1
        }
        endingMembers.removeAll(keepingCapacity: true)
    }

    private func prepareToWait() {
        guard !waitingMembers.isEmpty, nextMembers.isEmpty, helped.isEmpty, mailbox.withLock({ $0.jobs.isEmpty })
        else { return }
        for member in waitingMembers { member.laneWaits() }
        waitingMembers.removeAll(keepingCapacity: true)
    }

    // MARK: The end

    /// Ends what is still registered and frees the lane's descriptors.
    ///
    /// Jobs are run afterwards too.
    package func shutDown() async {
        await ParkedTask.park(gauge) { task in run { self.shutDown(task) } }
    }

    private func shutDown(_ task: ParkedTask<Void, Never>) {
        isShutDown = true
        for index in slots.indices { slots[index].member?.laneShutsDown() }
        guard let readiness else { return task.resume() }
        self.readiness = nil
        mailbox.withLock { $0.readiness = nil }
        readiness.cancel { task.resume() }
    }
}

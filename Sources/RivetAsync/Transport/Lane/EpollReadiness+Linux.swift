// SPDX-License-Identifier: Apache-2.0
#if os(Linux)
import CEpoll
import Dispatch
import Synchronization

/// One epoll set, one eventfd to interrupt it, and one Dispatch source that watches the set itself.
///
/// Sockets are edge-triggered and registered once for everything, so a socket costs two `epoll_ctl` in its life. The
/// source is on a descriptor that lives as long as the source, which keeps clear of what libdispatch does when a
/// socket with a source of its own is reset or closed (swift-corelibs-libdispatch #949, #833).
///
/// The descriptors are closed with the object, and whoever interrupts holds a reference meanwhile: so the number it
/// writes to is never somebody else's. `@unchecked Sendable`: all other state is touched on the lane only.
///
/// `@safe`: `events` lives as long as this, and `epoll_wait` fills as many as it holds.
@safe final class EpollReadiness: Readiness, @unchecked Sendable {
    static let canWait = true
    static let reportsEnds = true
    private static let capacity = 256
    private static let interruption = UInt64.max

    private let set: Int32
    private let interrupter: Int32
    private let gauge: ResourceGauge
    private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: capacity)
    private let source: any DispatchSourceRead
    private var onFreed: (@Sendable () -> Void)?

    init(queue: DispatchQueue, gauge: ResourceGauge, onReady: @escaping @Sendable () -> Void) throws(TransportError) {
        let set = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard set >= 0 else { throw .system(.epoll, .current) }
        let interrupter = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard interrupter >= 0 else {
            let error = Errno.current
            SystemCalls.close(set)
            throw .system(.eventfd, error)
        }
        // Edge-triggered: each write is reported once and the counter need not be read back.
        var event = unsafe epoll_event(events: Self.inputs, data: epoll_data_t(u64: Self.interruption))
        guard unsafe epoll_ctl(set, EPOLL_CTL_ADD, interrupter, &event) == 0 else {
            let error = Errno.current
            SystemCalls.close(set)
            SystemCalls.close(interrupter)
            throw .system(.epoll, error)
        }
        self.set = set
        self.interrupter = interrupter
        self.gauge = gauge
        gauge.descriptors.add(2, ordering: .relaxed)
        source = DispatchSource.makeReadSource(fileDescriptor: set, queue: queue)
        source.setEventHandler(handler: onReady)
        source.activate()
    }

    deinit {
        unsafe events.deallocate()
        SystemCalls.close(set)
        SystemCalls.close(interrupter)
        gauge.descriptors.subtract(2, ordering: .relaxed)
        onFreed?()
    }

    private static let inputs = EPOLLIN.rawValue | EPOLLET.rawValue
    private static let everything = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

    func add(_ descriptor: Int32, _ registration: Registration) throws(TransportError) {
        var event = unsafe epoll_event(events: Self.everything, data: epoll_data_t(u64: registration.rawValue))
        guard unsafe epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw .system(.epoll, .current) }
    }

    func remove(_ descriptor: Int32, _ registration: Registration) {
        let result = epoll_ctl(set, EPOLL_CTL_DEL, descriptor, nil)
        assert(result == 0, "descriptor \(descriptor) was not in the set: \(Errno.current)")
        SystemCalls.close(descriptor)
    }

    // An edge-triggered set reports the next change after "would block" by itself.
    func wantsReadable(_ registration: Registration) {}
    func wantsWritable(_ registration: Registration) {}

    func wait(milliseconds: Int32) -> Int {
        // After a signal (EINTR) the lane goes round once more, which is all that is needed.
        unsafe max(0, Int(epoll_wait(set, events, Int32(Self.capacity), milliseconds)))
    }

    func event(at index: Int) -> (registration: Registration, events: ReadyEvents) {
        let (inputs, number) = unsafe (events[index].events, events[index].data.u64)
        var ready: ReadyEvents = []
        if inputs & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            ready = [.readable, .ended]
        } else if inputs & EPOLLIN.rawValue != 0 {
            ready = .readable
        }
        if inputs & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            ready.insert(.writable)
        }
        return (Registration(rawValue: number), ready)
    }

    func interrupt() {
        var one: UInt64 = 1
        unsafe SystemCalls.write(interrupter, &one, MemoryLayout<UInt64>.size)
    }

    func cancel(_ completion: @escaping @Sendable () -> Void) {
        onFreed = completion
        source.setCancelHandler { [self] in withExtendedLifetime(self) {} }
        source.cancel()
    }
}

typealias PlatformReadiness = EpollReadiness
#endif

// SPDX-License-Identifier: Apache-2.0
#if !os(Linux)
import Dispatch
import Synchronization

/// Where there is no epoll: a read and a write source for each descriptor.
///
/// Sources are made once, and suspended, resumed and cancelled only on the lane. The writer's is on a `dup`, so that
/// no descriptor has two sources, and the descriptors are closed after both cancel handlers ran. A source is
/// suspended when it has fired and resumed when its owner asks for the next event; so it reports once, as an
/// edge-triggered set does. There is nothing to wait in, so the lane does not linger.
///
/// `@unchecked Sendable`: touched on the lane only, as the sources' handlers run on its queue.
final class SourceReadiness: Readiness, @unchecked Sendable {
    static let canWait = false
    static let reportsEnds = false

    private final class Watch {
        let copy: Int32
        let reader: any DispatchSourceRead
        let writer: any DispatchSourceWrite
        var isReaderSuspended = false
        var isWriterSuspended = false

        init(descriptor: Int32, copy: Int32, queue: DispatchQueue) {
            self.copy = copy
            reader = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
            writer = DispatchSource.makeWriteSource(fileDescriptor: copy, queue: queue)
        }
    }

    /// Closes the descriptors when both sources have ended.
    private final class End: Sendable {
        private let descriptor: Int32
        private let copy: Int32
        private let gauge: ResourceGauge
        private let isFirst = Atomic(true)

        init(descriptor: Int32, copy: Int32, gauge: ResourceGauge) {
            self.descriptor = descriptor
            self.copy = copy
            self.gauge = gauge
        }

        func sourceEnded() {
            if isFirst.exchange(false, ordering: .relaxed) { return }
            SystemCalls.close(descriptor)
            SystemCalls.close(copy)
            gauge.descriptors.subtract(1, ordering: .relaxed)
        }
    }

    private let queue: DispatchQueue
    private let gauge: ResourceGauge
    private let onReady: @Sendable () -> Void
    private var watches: [UInt64: Watch] = [:]
    private var collected: [(registration: Registration, events: ReadyEvents)] = []
    private var taken: [(registration: Registration, events: ReadyEvents)] = []

    init(queue: DispatchQueue, gauge: ResourceGauge, onReady: @escaping @Sendable () -> Void) throws(TransportError) {
        self.queue = queue
        self.gauge = gauge
        self.onReady = onReady
    }

    func add(_ descriptor: Int32, _ registration: Registration) throws(TransportError) {
        let copy = try SystemCalls.duplicate(descriptor)
        gauge.descriptors.add(1, ordering: .relaxed)
        let watch = Watch(descriptor: descriptor, copy: copy, queue: queue)
        watches[registration.rawValue] = watch
        watch.reader.setEventHandler { [unowned self, unowned watch] in
            watch.isReaderSuspended = true
            watch.reader.suspend()
            report(registration, [.readable, .ended])
        }
        watch.writer.setEventHandler { [unowned self, unowned watch] in
            watch.isWriterSuspended = true
            watch.writer.suspend()
            report(registration, .writable)
        }
        watch.reader.activate()
        watch.writer.activate()
    }

    private func report(_ registration: Registration, _ events: ReadyEvents) {
        collected.append((registration, events))
        onReady()
    }

    func remove(_ descriptor: Int32, _ registration: Registration) {
        guard let watch = watches.removeValue(forKey: registration.rawValue) else { return }
        let end = End(descriptor: descriptor, copy: watch.copy, gauge: gauge)
        watch.reader.setCancelHandler { end.sourceEnded() }
        watch.writer.setCancelHandler { end.sourceEnded() }
        watch.reader.cancel()
        watch.writer.cancel()
        // A suspended source calls no cancel handler.
        if watch.isReaderSuspended { watch.reader.resume() }
        if watch.isWriterSuspended { watch.writer.resume() }
    }

    func wantsReadable(_ registration: Registration) {
        guard let watch = watches[registration.rawValue], watch.isReaderSuspended else { return }
        watch.isReaderSuspended = false
        watch.reader.resume()
    }

    func wantsWritable(_ registration: Registration) {
        guard let watch = watches[registration.rawValue], watch.isWriterSuspended else { return }
        watch.isWriterSuspended = false
        watch.writer.resume()
    }

    func wait(milliseconds: Int32) -> Int {
        swap(&taken, &collected)
        collected.removeAll(keepingCapacity: true)
        return taken.count
    }

    func event(at index: Int) -> (registration: Registration, events: ReadyEvents) { taken[index] }

    func interrupt() {}

    func cancel(_ completion: @escaping @Sendable () -> Void) {
        assert(watches.isEmpty, "the lane removes what is registered first")
        queue.async(execute: completion)
    }
}

typealias PlatformReadiness = SourceReadiness
#endif

// SPDX-License-Identifier: Apache-2.0
import Dispatch

/// What a descriptor is ready for.
package struct ReadyEvents: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let readable = ReadyEvents(rawValue: 1)
    package static let writable = ReadyEvents(rawValue: 2)
    /// The peer ended its side or an error is pending: read until the end shows, even after a short read.
    package static let ended = ReadyEvents(rawValue: 4)
}

/// A descriptor's place on its lane.
///
/// The generation tells it from an earlier owner of the same place, so that an event that was on its way for that one
/// is dropped.
package struct Registration: Equatable, Sendable {
    let slot: UInt32
    let generation: UInt32

    var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    init(rawValue: UInt64) {
        slot = UInt32(truncatingIfNeeded: rawValue)
        generation = UInt32(truncatingIfNeeded: rawValue >> 32)
    }
}

/// How a lane learns which of its descriptors are ready.
///
/// Everything but `interrupt` is called on the lane.
///
/// Whoever reads or writes asks for the next event only after "would block" (`wantsReadable`, `wantsWritable`).
protocol Readiness: AnyObject {
    /// Whether `wait` can wait, and be interrupted.
    static var canWait: Bool { get }
    /// Whether ends and failures are told apart, as `.ended`; else anything may be one.
    static var reportsEnds: Bool { get }
    /// `onReady` is called on `queue` when there may be something to collect.
    init(queue: DispatchQueue, gauge: ResourceGauge, onReady: @escaping @Sendable () -> Void) throws(TransportError)
    func add(_ descriptor: Int32, _ registration: Registration) throws(TransportError)
    /// Removes the descriptor and then closes it.
    func remove(_ descriptor: Int32, _ registration: Registration)
    func wantsReadable(_ registration: Registration)
    func wantsWritable(_ registration: Registration)
    /// Waits at most `milliseconds` and returns how many events can be asked for with `event(at:)`.
    func wait(milliseconds: Int32) -> Int
    func event(at index: Int) -> (registration: Registration, events: ReadyEvents)
    /// Ends a `wait` under way. From any thread.
    func interrupt()
    /// No `onReady` follows. `completion` is called when the resources are free.
    func cancel(_ completion: @escaping @Sendable () -> Void)
}

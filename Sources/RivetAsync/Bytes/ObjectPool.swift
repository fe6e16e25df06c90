// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A few objects that are costly to make, kept for whoever needs one next; no lock, and nobody waits.
///
/// What it takes and gives are references that are counted already: who takes one has to give or to release it.
///
/// `@safe`: it owns what it keeps. What it gives and takes is `unsafe` to use, as `Unmanaged` always is.
@safe package struct ObjectPool<Object: AnyObject & Sendable>: ~Copyable, Sendable {
    private let first = unsafe Atomic<Unmanaged<Object>?>(nil)
    private let second = unsafe Atomic<Unmanaged<Object>?>(nil)

    package init() {}

    deinit {
        while let object = unsafe take() { unsafe object.release() }
    }

    /// An object that is now the caller's alone, or nil if none is kept.
    @inline(__always)
    package func take() -> Unmanaged<Object>? {
        unsafe first.exchange(nil, ordering: .acquiring) ?? second.exchange(nil, ordering: .acquiring)
    }

    /// Keeps an object if nobody else holds it and there is room.
    @inline(__always)
    package func give(_ object: Unmanaged<Object>) {
        if unsafe object.isUniquelyReferenced() {
            if unsafe first.compareExchange(expected: nil, desired: object, ordering: .releasing).exchanged { return }
            if unsafe second.compareExchange(expected: nil, desired: object, ordering: .releasing).exchanged { return }
        }
        unsafe object.release()
    }
}

extension Unmanaged {
    /// Whether there is only one counted reference to the object.
    @inline(__always)
    package func isUniquelyReferenced() -> Bool {
        var reference = unsafe self
        return unsafe withUnsafeMutablePointer(to: &reference) { reference in
            // An unmanaged reference looks like a counted one, which is what the question is asked of.
            unsafe reference.withMemoryRebound(to: Instance.self, capacity: 1) {
                unsafe isKnownUniquelyReferenced(&$0.pointee)
            }
        }
    }
}

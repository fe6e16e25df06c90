// SPDX-License-Identifier: Apache-2.0

/// A value behind a pointer, for which Swift does not check exclusive access at run time, as it does for a class's own
/// property: a decoder makes some ten accesses for a value that takes 80 ns.
///
/// No access may overlap another that changes the value: none lasts longer than a statement, and none calls the user's
/// code. A debug build counts the accesses and traps where two overlap, and so do the tests, but for those of a release
/// build.
///
/// `@safe`: its owner deallocates it, when nobody else has a copy any more.
@safe struct Unchecked<Value: ~Copyable> {
    private struct Place: ~Copyable {
        var value: Value
        #if DEBUG
        /// How many read it; below zero while one changes it.
        var accesses = 0
        #endif
    }

    private let place: UnsafeMutablePointer<Place>

    init(_ value: consuming Value) {
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: Place(value: value))
    }

    func deallocate() {
        unsafe place.deinitialize(count: 1)
        unsafe place.deallocate()
    }

    #if DEBUG
    var value: Value {
        _read {
            unsafe precondition(place.pointee.accesses >= 0, "read while it is changed")
            unsafe place.pointee.accesses += 1
            defer { unsafe place.pointee.accesses -= 1 }
            yield unsafe place.pointee.value
        }
        nonmutating _modify {
            unsafe precondition(place.pointee.accesses == 0, "changed while it is read or changed")
            unsafe place.pointee.accesses = -1
            defer { unsafe place.pointee.accesses = 0 }
            yield unsafe &place.pointee.value
        }
    }
    #else
    // An address and no coroutine, which would take memory for each access where it is not inlined.
    var value: Value {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(address) }
        @inline(__always) nonmutating unsafeMutableAddress { unsafe address }
    }

    @inline(__always)
    private var address: UnsafeMutablePointer<Value> {
        unsafe UnsafeMutableRawPointer(place).assumingMemoryBound(to: Value.self)
    }
    #endif
}

// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A member's name, to be compared with others byte for byte: its text up to 15 bytes, otherwise a hash of it, which is
/// another one in each process.
struct NameID: Hashable {
    private let words: (UInt64, UInt64)

    init(_ text: UnsafeRawBufferPointer) {
        var words: (UInt64, UInt64) = (0, UInt64(text.count))
        if text.count < 16 {
            unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.copyBytes(from: text) }
            words.1 |= UInt64(text.count) << 56
        } else {
            var hasher = Hasher()
            unsafe hasher.combine(bytes: text)
            words.0 = UInt64(truncatingIfNeeded: hasher.finalize())
        }
        self.words = words
    }

    init(_ name: String) { self = unsafe withUTF8(of: name) { unsafe NameID($0) } }

    static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// The names of maps, each map's folded into one number, that are known to differ from each other; two in a place.
enum KnownNames {
    /// What dictionaries have for a key.
    static let ofDictionary: Any.Type? = _typeByName("s20_DictionaryCodingKeyV")

    private static let places = 512
    nonisolated(unsafe) private static let numbers: UnsafeMutablePointer<Atomic<UInt64>> = {
        let numbers = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: 2 * places)
        for index in 0..<2 * places { unsafe (numbers + index).initialize(to: Atomic(0)) }
        return unsafe numbers
    }()

    @inline(__always)
    static func contains(_ names: UInt64) -> Bool {
        let place = unsafe place(names)
        return unsafe place[0].load(ordering: .relaxed) == names || place[1].load(ordering: .relaxed) == names
    }

    /// The older of the two in its place makes room.
    static func insert(_ names: UInt64) {
        let place = unsafe place(names)
        unsafe place[1].store(place[0].exchange(names, ordering: .relaxed), ordering: .relaxed)
    }

    @inline(__always)
    private static func place(_ names: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe numbers + Int(truncatingIfNeeded: names >> 55) * 2
    }
}

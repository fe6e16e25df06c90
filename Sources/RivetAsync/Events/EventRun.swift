// SPDX-License-Identifier: Apache-2.0

/// Events of one name that came one behind another, on their way from the socket to the feeds.
///
/// Small ones are copied together before a feed gets them. Slices of the receive buffer would have two cores count its
/// references at the same time, the reader's and the lane's, which goes on cutting it.
struct EventRun {
    /// Beyond this many the feeds get them, so that one turn cannot gather without bound.
    static let maxCount = 64
    /// The size up to which an event is copied.
    private static let maxCopiedSize = 256

    private let format: ValueFormat
    private(set) var events: [EventMessage] = []
    private var copies: ByteStorage?

    init(format: ValueFormat) { self.format = format }

    var count: Int { events.count }
    var isEmpty: Bool { events.isEmpty }
    var isFull: Bool { events.count >= Self.maxCount }

    /// Whether `bytes` are the name of all that is here.
    func isOf(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe events.first?.nameBytes.hasSameBytes(as: bytes) ?? true
    }

    @inline(__always)
    mutating func append(_ event: EventMessage) { events.append(event) }

    /// Empties it, and keeps the memory.
    mutating func removeAll() {
        events.removeAll(keepingCapacity: true)
        copies = nil
    }

    /// Copies what is small, where it is more than one.
    mutating func copySmallEvents() {
        guard count > 1 else { return }
        let copies = ByteStorage.allocate(
            capacity: events.reduce(0) { $0 + (Self.isSmall($1) ? $1.argumentsSize : 0) }
        )
        var offset = 0
        for event in events where Self.isSmall(event) {
            let bytes = unsafe event.argumentsBytes
            if let base = bytes.baseAddress {
                unsafe (copies.base + offset).copySmallMemory(from: base, count: bytes.count)
            }
            offset += bytes.count
        }
        self.copies = copies
    }

    /// Calls `body` with the first `count` of them.
    @inline(__always)
    func forEach(first count: Int, _ body: (EncodedValue) -> Void) {
        var offset = 0
        for event in events.prefix(count) {
            guard let copies, Self.isSmall(event) else {
                body(EncodedValue(bytes: event.arguments, format: format))
                continue
            }
            let size = event.argumentsSize
            body(EncodedValue(bytes: ByteChunk(storage: copies, offset: offset, count: size), format: format))
            offset += size
        }
    }

    private static func isSmall(_ event: EventMessage) -> Bool { event.argumentsSize <= maxCopiedSize }
}

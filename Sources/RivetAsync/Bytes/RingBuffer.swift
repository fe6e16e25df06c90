// SPDX-License-Identifier: Apache-2.0

/// A first-in-first-out queue in one array; appending and removing at either end of the queue move nothing.
package struct RingBuffer<Element> {
    private var slots: [Element?] = []
    private var head = 0
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }
    package var first: Element? { count == 0 ? nil : slots[head] }

    package var last: Element? { count == 0 ? nil : slots[(head &+ count &- 1) & (slots.count &- 1)] }

    package mutating func removeLast() {
        guard count > 0 else { return }
        slots[(head &+ count &- 1) & (slots.count &- 1)] = nil
        count &-= 1
    }

    package mutating func append(_ element: Element) {
        if count == slots.count { grow() }
        slots[(head &+ count) & (slots.count &- 1)] = element
        count &+= 1
    }

    package mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head].take()
        head = (head &+ 1) & (slots.count &- 1)
        count &-= 1
        return element
    }

    package mutating func removeAll() {
        self = Self()
    }

    /// Replaces each element in place.
    package mutating func mutateEach(_ body: (inout Element) -> Void) {
        for step in 0..<count {
            let slot = (head &+ step) & (slots.count &- 1)
            guard var element = slots[slot].take() else { continue }
            body(&element)
            slots[slot] = element
        }
    }

    /// Removes the elements that do not satisfy `isWanted`, and lets go of their memory.
    package mutating func keep(where isWanted: (Element) -> Bool) {
        var kept = Self()
        while let element = popFirst() { if isWanted(element) { kept.append(element) } }
        self = kept
    }

    /// The size stays a power of two, so that positions wrap with a mask.
    private mutating func grow() {
        var larger: [Element?] = []
        larger.reserveCapacity(max(slots.count * 2, 8))
        for step in 0..<count { larger.append(slots[(head &+ step) & (slots.count &- 1)]) }
        while larger.count < max(slots.count * 2, 8) { larger.append(nil) }
        slots = larger
        head = 0
    }
}

extension RingBuffer: Sendable where Element: Sendable {}

// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What happened, in order, from any task.
final class Recorder<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }

    func add(_ element: Element) {
        elements.withLock { $0.append(element) }
    }

    /// Adds `element`, and says how many were there before.
    func count(adding element: Element) -> Int {
        elements.withLock { elements in
            defer { elements.append(element) }
            return elements.count
        }
    }
}

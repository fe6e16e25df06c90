// SPDX-License-Identifier: Apache-2.0

/// Keyed containers that are used again.
///
/// To make one costs more than all that is done with it: the standard library puts it into an object of its own, of a
/// type that the runtime has to look up for each type of keys. So a container that only the cache still holds is given
/// out once more, to another place; `Core` is the part of it that knows the place. `ContainerReuse` switches it off.
struct ContainerCache<Core: AnyObject> {
    /// `@safe`: `stored` keeps the container, and the container its core.
    @safe private struct Entry {
        let key: ObjectIdentifier
        let stored: AnyObject
        /// What the stored container is: a reference and nothing else.
        ///
        /// It is not counted, so that it does not count as a use.
        let container: Unmanaged<Anything>
        /// A part of the container, which keeps it.
        let core: Unmanaged<Core>
        var isUnused: Bool { unsafe container.isUniquelyReferenced() }
    }

    /// The class of an object of which nothing else is known.
    private class Anything {}

    private var entries: [Entry] = []

    /// More types of keys than this in one document are not remembered.
    private static var maxCount: Int { 16 }

    /// A stored container for these keys that nobody uses, after `prepare` gave its core a place.
    @inline(__always)
    mutating func unused(_ key: Any.Type, _ prepare: (Core) throws -> Void) rethrows -> Unmanaged<AnyObject>? {
        for index in entries.indices where entries[index].key == ObjectIdentifier(key) {
            guard entries[index].isUnused else { continue }
            try unsafe entries[index].core._withUnsafeGuaranteedRef(prepare)
            return unsafe .passUnretained(entries[index].stored)
        }
        return nil
    }

    /// Whether there is room for it and it is one that can be used again.
    mutating func remember<Container>(_ container: Container, _ core: Core, for key: Any.Type) -> Bool {
        guard ContainerReuse.isOn, entries.count < Self.maxCount,
            let box = unsafe Self.onlyReference(in: container)
        else { return false }
        let reference = unsafe withUnsafeBytes(of: container) { unsafe $0.loadUnaligned(as: Unmanaged<Anything>.self) }
        guard unsafe reference.toOpaque() == box else { return false }
        unsafe entries.append(
            Entry(
                key: ObjectIdentifier(key),
                stored: StoredContainer(container),
                container: reference,
                core: .passUnretained(core)
            )
        )
        return true
    }

    /// The address of the one object that a container consists of; nil where the standard library makes it in another
    /// way, and then nothing is used again.
    private static func onlyReference<Container>(in container: Container) -> UnsafeMutableRawPointer? {
        let children = Mirror(reflecting: container).children
        guard MemoryLayout<Container>.size == MemoryLayout<AnyObject>.size, children.count == 1,
            let box = children.first?.value, type(of: box) is AnyClass
        else { return nil }
        return unsafe Unmanaged.passUnretained(box as AnyObject).toOpaque()
    }

    /// Forgets the containers that somebody kept; `body` is called with every core, and whether it is one of those.
    mutating func settle(_ body: (_ core: Core, _ isKept: Bool) -> Void) {
        for index in entries.indices.reversed() {
            let isKept = !entries[index].isUnused
            unsafe entries[index].core._withUnsafeGuaranteedRef { body($0, isKept) }
            if isKept { entries.remove(at: index) }
        }
    }
}

/// Whether keyed containers are used again, or made anew each time; both come to the same.
enum ContainerReuse {
    // `@safe`: set before the first value is coded, and only by tests.
    @safe nonisolated(unsafe) static var isOn = true
}

/// A `KeyedEncodingContainer` or `KeyedDecodingContainer`.
///
/// Generic over the container itself, not its keys, since the runtime then need not look its type up.
final class StoredContainer<Container> {
    private let container: Container

    init(_ container: Container) { self.container = container }

    @inline(never)
    func get() -> Container { container }
}

// SPDX-License-Identifier: Apache-2.0

/// One document while it is decoded: its bytes, and the containers for them.
///
/// When the document is done and a type kept no decoder and no container of it, it serves for the next one; else it
/// stays with those who kept them.
///
/// `@unchecked Sendable`: one task's until it is given back, and given back only by the last who holds it. `@safe`: the
/// bytes at `base` are kept by the caller of `decode`, and by `kept` when they outlive it.
@safe final class DecodingSession: @unchecked Sendable {
    @safe private(set) var base = unsafe DecodingSession.nowhere
    private(set) var size = 0
    private(set) var syntax = DocumentSyntax.cbor
    /// A type that reads itself, so that the next value of it need not be compared with all special types.
    private(set) var lastPlainType: ObjectIdentifier?
    /// Where the bytes are; the caller keeps them alive, and `kept` does when the document outlives the call.
    @safe private unowned(unsafe) var storage: ByteStorage?
    private var kept = ByteChunk()
    private let containers = Unchecked(ContainerCache<MapDecoder>())
    private(set) var names = DeclaredNames()
    /// How many values are under way that read themselves as another one.
    private var singles = 0
    /// A map has a name twice, and its first member was taken; then the document is decoded again.
    private var hasRepeats = false
    /// A map has a key that is no text, and what stands behind it was not found.
    private var badKey: CodingError?
    /// It is: each map is looked through for names that are there twice (B307).
    private(set) var looksForRepeats = false
    /// Under way: a decoder that outlives its document makes containers of its own, which keep the document.
    private var isOpen = false

    private static let pool = ObjectPool<DecodingSession>()
    private static var nowhere: UnsafeRawPointer { unsafe UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped }

    deinit { containers.deallocate() }

    /// Checks a document as a whole, then gives `body` its root; the structure and depth are sound from then on.
    static func decode<R>(
        _ bytes: ByteChunk,
        _ syntax: DocumentSyntax,
        _ body: (ValueDecoder) throws -> R
    ) throws -> R {
        guard bytes.count <= Int(Int32.max) else {
            throw CodingError(.lengthExceedsInput, at: 0, wanted: "at most \(Int32.max) bytes")
        }
        let lent = unsafe pool.take() ?? .passRetained(DecodingSession())
        // One whose document was kept is given back to nobody, also when it was let go of meanwhile: it would keep the
        // document for the next ones.
        defer {
            let isKept = unsafe lent._withUnsafeGuaranteedRef { $0.kept.count > 0 }
            if isKept { unsafe lent.release() } else { unsafe pool.give(lent) }
        }
        return try unsafe lent._withUnsafeGuaranteedRef { try $0.decode(bytes, syntax, body) }
    }

    @inline(__always)
    private func decode<R>(
        _ bytes: ByteChunk,
        _ syntax: DocumentSyntax,
        _ body: (ValueDecoder) throws -> R
    ) throws -> R {
        open(bytes, syntax)
        defer { close(bytes) }
        do {
            if size > 0 {
                var reader = unsafe DocumentReader(
                    UnsafeRawBufferPointer(start: base, count: size),
                    position: 0,
                    syntax
                )
                try reader.skipItem(depth: 0)
                try reader.readEnd()
            }
            do {
                let result = try read(body)
                if !hasRepeats, badKey == nil { return result }
            } catch {
                if !hasRepeats { throw badKey ?? error }
            }
            if let badKey { throw badKey }
            looksForRepeats = true
            let result = try read(body)
            if let badKey { throw badKey }
            return result
        } catch {
            throw located(error)
        }
    }

    @inline(__always)
    private func read<R>(_ body: (ValueDecoder) throws -> R) throws -> R {
        defer { containers.value.settle { $0.leave(isKept: $1) } }
        return try body(ValueDecoder(self))
    }

    func foundRepeats() { hasRepeats = true }

    func found(badKey error: CodingError) { badKey = badKey ?? error }

    /// Out of line: only to look for these types costs a decoding that does not fail.
    @inline(never)
    private func located(_ error: any Error) -> any Error {
        switch error {
        case let error as DecodingError: ValueDecoder(self).failure(for: error)
        case let error as CodingError: ValueDecoder(self).located(error)
        default: error
        }
    }

    private func open(_ bytes: ByteChunk, _ syntax: DocumentSyntax) {
        storage = bytes.storage
        base = unsafe bytes.withUnsafeBytes { $0.baseAddress } ?? Self.nowhere
        size = bytes.count
        self.syntax = syntax
        (hasRepeats, looksForRepeats, badKey) = (false, false, nil)
        isOpen = true
    }

    private func close(_ bytes: ByteChunk) {
        isOpen = false
        if unsafe !Unmanaged.passUnretained(self).isUniquelyReferenced() { kept = bytes }
    }

    func remember(plain type: Any.Type) {
        if isOpen { lastPlainType = ObjectIdentifier(type) }
    }

    /// Reads what another value is read as, at the same place; no document bounds how often (B306).
    @inline(__always)
    func single<R>(at place: ValueDecoder, _ body: () throws -> R) throws -> R {
        guard singles < maxValuesInOneAnother else {
            throw place.decodingError(.tooManyValues(at: Int(place.offset)), R.self)
        }
        singles &+= 1
        defer { singles &-= 1 }
        return try body()
    }

    /// A byte string that stands in one piece in the document, without a copy.
    func slice(_ range: Range<Int>) -> ByteChunk {
        guard let storage else { return ByteChunk() }
        let offset = unsafe base - UnsafeRawPointer(storage.base)
        return ByteChunk(storage: storage, offset: offset, count: size).slice(range)
    }

    func container<Key: CodingKey>(_ key: Key.Type, at place: ValueDecoder) throws -> KeyedDecodingContainer<Key> {
        if isOpen, let stored = try unsafe containers.value.unused(key, { try $0.enter(place) }) {
            return unsafe stored._withUnsafeGuaranteedRef { stored in
                unsafe unsafeDowncast(stored, to: StoredContainer<KeyedDecodingContainer<Key>>.self).get()
            }
        }
        return try newContainer(key, at: place)
    }

    /// Apart, so that the types that it needs are not looked up where a container is used again.
    @inline(never)
    private func newContainer<Key: CodingKey>(
        _ key: Key.Type,
        at place: ValueDecoder
    ) throws -> KeyedDecodingContainer<Key> {
        names.note(key, takesUndeclared: Key(stringValue: "\u{0}") != nil)
        let map = MapDecoder(self)
        try map.enter(place)
        let container = KeyedDecodingContainer(KeyedDecoder<Key>(map: map))
        // Whether one that is not remembered is kept, `close` does not see.
        if !isOpen || !containers.value.remember(container, map, for: key) { map.leave(isKept: true) }
        return container
    }
}

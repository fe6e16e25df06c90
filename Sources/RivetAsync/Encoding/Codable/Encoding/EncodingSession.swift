// SPDX-License-Identifier: Apache-2.0

/// One value while it is encoded: its output, and the containers for it.
///
/// When the value is done and its type kept no encoder and no container, it serves for the next one; else it stays with
/// those who kept them.
///
/// `@unchecked Sendable`: one task's until it is given back, and given back only by the last who holds it.
final class EncodingSession: @unchecked Sendable {
    let output: ValueOutput
    private let containers = Unchecked(ContainerCache<MapEncoder>())
    private(set) var names = DeclaredNames()
    /// Under way: an encoder that outlives its value makes containers of its own, which keep the output.
    private var isOpen = false

    private var block: ByteStorage?
    private var used = 0
    /// What a small result keeps alive at most.
    private static var blockSize: Int { 1_024 }

    private static let pool = ObjectPool<EncodingSession>()
    /// Memory that has grown beyond this, in bytes, is not kept for the next value.
    static var maxKeptCapacity: Int { 131_072 }

    init(_ format: ValueFormat, options: ValueEncodingOptions) {
        output = ValueOutput(format, options: options)
        output.belong(to: self)
    }

    deinit {
        containers.deallocate()
        output.deallocate()
    }

    /// Encodes one document.
    static func encode(
        _ format: ValueFormat,
        options: ValueEncodingOptions,
        _ body: (ValueOutput) throws -> Void
    ) throws -> ByteChunk {
        let lent = unsafe pool.take() ?? .passRetained(EncodingSession(format, options: options))
        return try unsafe lent._withUnsafeGuaranteedRef { session throws in
            defer { unsafe pool.give(lent) }
            return try session.encode(format, options: options, body)
        }
    }

    func encode(
        _ format: ValueFormat,
        options: ValueEncodingOptions,
        _ body: (ValueOutput) throws -> Void
    ) throws -> ByteChunk {
        isOpen = true
        defer {
            isOpen = false
            containers.value.settle { if $1 { $0.session = self } }
        }
        output.start(format, options)
        defer { output.shrink(to: Self.maxKeptCapacity) }
        do {
            try body(output)
            try output.throwFailure()
        } catch let error as EncodingError {
            throw CodingError(error, names)
        }
        return output.buffer.withUnsafeBytes { unsafe chunk($0) }
    }

    /// Small results share a block, as what is received does.
    private func chunk(_ bytes: UnsafeRawBufferPointer) -> ByteChunk {
        guard let source = bytes.baseAddress, bytes.count <= Self.blockSize / 4 else {
            return unsafe ByteChunk(copying: bytes)
        }
        if block == nil || bytes.count > Self.blockSize &- used {
            // A block of which no slice is left is filled once more.
            if !isKnownUniquelyReferenced(&block) { block = .allocate(capacity: Self.blockSize) }
            used = 0
        }
        guard let block else { return unsafe ByteChunk(copying: bytes) }
        unsafe (block.base + used).copyMemory(from: source, byteCount: bytes.count)
        defer { used &+= bytes.count }
        return ByteChunk(storage: block, offset: used, count: bytes.count)
    }

    func container<Key: CodingKey>(_ key: Key.Type, _ id: ValueOutput.ValueID) -> KeyedEncodingContainer<Key> {
        if isOpen, let stored = unsafe containers.value.unused(key, { $0.id = id }) {
            return unsafe stored._withUnsafeGuaranteedRef { stored in
                unsafe unsafeDowncast(stored, to: StoredContainer<KeyedEncodingContainer<Key>>.self).get()
            }
        }
        return newContainer(key, id)
    }

    /// Apart, so that the types that it needs are not looked up where a container is used again.
    @inline(never)
    private func newContainer<Key: CodingKey>(
        _ key: Key.Type,
        _ id: ValueOutput.ValueID
    ) -> KeyedEncodingContainer<Key> {
        names.note(key, takesUndeclared: Key(stringValue: "\u{0}") != nil)
        let map = MapEncoder(output, id)
        let container = KeyedEncodingContainer(KeyedEncoder<Key>(map: map))
        // Whether one that is not remembered is kept, nobody sees at the end.
        if !isOpen || !containers.value.remember(container, map, for: key) { map.session = self }
        return container
    }
}

/// What a keyed container writes into.
final class MapEncoder {
    let output: ValueOutput
    fileprivate(set) var id: ValueOutput.ValueID
    /// Keeps the output alive for a container that outlives its value.
    fileprivate var session: EncodingSession?

    fileprivate init(_ output: ValueOutput, _ id: ValueOutput.ValueID) {
        self.output = output
        self.id = id
    }
}

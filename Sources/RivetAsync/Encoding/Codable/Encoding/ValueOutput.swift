// SPDX-License-Identifier: Apache-2.0

/// What all the containers of one value being encoded write into.
///
/// Values are written as they come. A container's head is a byte that is put right when the value is complete, since
/// only then its count is known; a value is complete when its `encode(to:)` has returned. Containers that `Codable`
/// lets a type fill in any order, the nested ones, get an output of their own, put in place at that same moment.
///
/// A pointer and nothing else, without a counter to keep; the `EncodingSession` owns what is behind it.
///
/// What writes holds the session meanwhile.
struct ValueOutput {
    private let state: Unchecked<State>

    var contents: State {
        @inline(__always) _read { yield state.value }
        @inline(__always) nonmutating _modify { yield &state.value }
    }

    struct State: ~Copyable {
        var format: ValueFormat
        var options: ValueEncodingOptions
        var buffer = ByteBuffer(capacity: 256)
        var scope = Scope()
        var lastID: UInt32 = 0
        /// The nested outputs of the values under way, the innermost value's last.
        var inserts: [Insert] = []
        /// Where in `inserts` the last one of each name is.
        var insertPlaces: [InsertName: Int] = [:]
        /// What this is nested in.
        var parent: Parent?
        /// A failure of a method that cannot throw; thrown by the next one that can, or when the value is complete.
        var failure: (any Error)?
        /// Whether there is one, in a byte that is read quickly.
        var hasFailed = false
        // `@safe`: the session owns this.
        @safe unowned(unsafe) var session: EncodingSession?
    }

    var format: ValueFormat { contents.format }
    var options: ValueEncodingOptions { contents.options }

    var buffer: ByteBuffer {
        @inline(__always) _read { yield contents.buffer }
        @inline(__always) nonmutating _modify { yield &contents.buffer }
    }

    var scope: Scope {
        @inline(__always) _read { yield contents.scope }
        @inline(__always) nonmutating _modify { yield &contents.scope }
    }

    /// One value being encoded.
    struct Scope {
        enum Kind {
            case empty, single, array, map, tag
            /// Those that are counted (PROTOCOL j6).
            var hasDepth: Bool { self != .empty && self != .single }
        }
        /// Containers keep it, so that one that outlives its value cannot write into another's.
        var id = ValueID()
        var kind = Kind.empty
        /// The value's properties are written as elements (`writeProperties`).
        var isPositional = false
        /// The map's names have to be compared; or they cannot be the same, as a dictionary's, whose container is the only
        /// one that was asked for.
        var mayRepeat = false, isOfDictionary = false, hasMembers = false
        /// The map's names so far, folded into a number (`note(name:)`).
        var names: UInt64 = 0
        /// Where the value starts, how many elements or members it has, and the containers around them.
        var start = 0, count = 0, depth = 0
        /// Values inside one another, containers or not: a bound for what encodes itself.
        var level = 0
        /// The first of its nested outputs.
        var firstInsert = 0
    }

    /// Which value it is, and where it starts in its output: the place from which its coding path is told.
    struct ValueID: Equatable {
        /// Counted in its output, so it alone tells values apart.
        var number: UInt32 = 0
        var start: UInt32 = 0

        @inline(__always)
        static func == (left: Self, right: Self) -> Bool { left.number == right.number }
    }

    /// A nested output and where it belongs.
    struct Insert {
        var index: Int
        var session: EncodingSession
        /// The member's name.
        var key: String?
    }

    init(_ format: ValueFormat, options: ValueEncodingOptions) {
        state = Unchecked(State(format: format, options: options))
    }

    func belong(to session: EncodingSession) {
        contents.session = session
    }

    func deallocate() { state.deallocate() }

    /// Begins another document; the memory is kept.
    func start(_ format: ValueFormat, _ options: ValueEncodingOptions) {
        (contents.format, contents.options) = (format, options)
        buffer.removeAll()
        scope = Scope()
        if contents.hasFailed { (contents.failure, contents.hasFailed) = (nil, false) }
    }

    /// Lets go of what has grown for one large document; two sessions would keep it for the life of the process.
    @inline(__always)
    func shrink(to maxKeptCapacity: Int) {
        if contents.buffer.capacity > maxKeptCapacity { buffer = ByteBuffer(capacity: 256) }
        if contents.inserts.capacity > maxKeptCapacity / MemoryLayout<Insert>.stride { contents.inserts = [] }
    }

    /// The bytes that it keeps between documents, for tests of their bound.
    var retainedSize: Int {
        contents.buffer.capacity + contents.inserts.capacity * MemoryLayout<Insert>.stride
    }

    /// Whose output this is.
    var session: EncodingSession { unsafe contents.session.unsafelyUnwrapped }

    // MARK: Values

    /// Writes a whole value.
    @inline(__always)
    func write<T: Encodable>(_ value: T) throws {
        if let special = SpecialType(T.self) { return try writeSpecial(value, special) }
        try writeScope { try value.encode(to: $0) }
    }

    /// Writes a value's properties as an array.
    func writeProperties<T: Encodable>(_ value: T) throws {
        if SpecialType(T.self) != nil { return try writeArray { try writeElement(value) } }
        try writeScope(isPositional: true) { try value.encode(to: $0) }
    }

    func writeArray(_ body: () throws -> Void) throws {
        try writeScope { encoder in
            open(.array, encoder.id)
            try body()
        }
    }

    /// Writes a list of one value, or of none if it has no properties, as Rust has it for unit (PROTOCOL h5).
    func writeArgument<T: Encodable>(_ value: T) throws {
        try writeArray {
            try writeElement(value)
            let first = scope.start + 1
            let isEmptyMap =
                buffer[first] == (format.isJSON ? UInt8(ascii: "{") : 0xa0)
                && buffer.count - first == (format.isJSON ? 2 : 1)
            // A map may be empty because all properties are nil; a type that has none takes no room.
            guard MemoryLayout<T>.size == 0, isEmptyMap else { return }
            buffer.truncate(to: first)
            scope.count = 0
        }
    }

    func writeElement<T: Encodable>(_ value: T) throws {
        try add(scope.id) { try write(value) }
    }

    @inline(__always)
    func writeScope(isPositional: Bool = false, _ body: (ValueEncoder) throws -> Void) throws {
        let outer = scope
        guard outer.level < maxValuesInOneAnother else { throw CodingError.tooManyValues(at: -1) }
        begin(
            depth: outer.depth &+ (outer.kind.hasDepth ? 1 : 0),
            level: outer.level &+ 1,
            isPositional: isPositional
        )
        do {
            try body(ValueEncoder(session: session, id: scope.id))
            try finish()
            scope = outer
        } catch {
            if contents.inserts.count > scope.firstInsert { removeNested() }
            scope = outer
            throw error
        }
    }

    private func begin(depth: Int, level: Int, isPositional: Bool) {
        contents.lastID &+= 1
        scope = Scope(
            id: ValueID(number: contents.lastID, start: UInt32(truncatingIfNeeded: buffer.count)),
            isPositional: isPositional,
            start: buffer.count,
            depth: depth,
            level: level,
            firstInsert: contents.inserts.count
        )
    }

    // MARK: Containers

    /// Starts the value's container, or goes on with it, as a subclass does with its superclass's.
    func open(_ kind: Scope.Kind, _ id: ValueID) {
        let kind = scope.isPositional && kind == .map ? .array : kind
        guard id == scope.id, scope.kind == .empty || scope.kind == kind else {
            return fail(CodingError(.notRepresentable, at: -1, found: "a value written twice"))
        }
        guard scope.kind == .empty else { return }
        if scope.depth >= maxNestingDepth { fail(.tooDeep(at: -1)) }
        scope.kind = kind
        if kind == .tag { return }
        if format.isJSON { return buffer.append(kind == .map ? UInt8(ascii: "{") : UInt8(ascii: "[")) }
        // Until the count is known it is one without a count, so that what is written so far can be read (`steps`).
        buffer.append(kind == .map ? 0xbf : 0x9f)
    }

    /// Notes a container that is written as a whole: a tagged pair, numbers for bytes.
    func noteInnerContainer() {
        if scope.depth &+ (scope.kind.hasDepth ? 1 : 0) >= maxNestingDepth { fail(.tooDeep(at: -1)) }
    }

    /// Starts an element, or a member with its key, whose value is written next and cannot fail.
    func begin(_ id: ValueID, key: String? = nil) throws {
        try throwFailure()
        guard id == scope.id, scope.kind == .array || scope.kind == .map else {
            throw located(CodingError(.notRepresentable, at: -1, found: "a value written late")) { steps(to: id) }
        }
        if format.isJSON, scope.count > 0 { buffer.append(UInt8(ascii: ",")) }
        scope.count &+= 1
        guard scope.kind == .map else { return }
        guard let key else {
            // Its name is written as a value, and not noted.
            scope.mayRepeat = true
            return
        }
        note(name: key)
        guard format.isJSON else { return buffer.appendCBOR(key) }
        buffer.appendJSON(key)
        buffer.append(UInt8(ascii: ":"))
    }

    /// Adds an element, or a member with its key; nothing of it stays if its value cannot be written.
    @inline(__always)
    func add(_ id: ValueID, key: String? = nil, _ value: () throws -> Void) throws {
        let start = buffer.count
        try begin(id, key: key)
        do {
            try value()
        } catch {
            throw takenBack(error, id, key, start)
        }
    }

    /// Takes back what `add` began; the failure with its path.
    @inline(never)
    private func takenBack(_ error: any Error, _ id: ValueID, _ key: String?, _ start: Int) -> any Error {
        guard scope.id == id else { return error }
        buffer.truncate(to: start)
        scope.count &-= 1
        scope.mayRepeat = true  // Its name is among those that are noted.
        return located(error) {
            let name = key.map(session.names.shown) ?? "*"
            return steps(to: id) + [scope.kind == .map ? .member(name) : .element(scope.count)]
        }
    }

    /// Adds an element or member whose content is written later, in any order with what follows.
    ///
    /// `kind` is what will be written there, where that is known: asked for again, it goes on with what is there (B307).
    func addInsert(_ id: ValueID, key: String? = nil, kind: Scope.Kind? = nil) -> ValueEncoder {
        if let key, let kind, let earlier = earlierInsert(id, key, kind) { return earlier }
        let session = EncodingSession(format, options: options)
        let nested = session.output
        nested.begin(depth: scope.depth &+ 1, level: scope.level &+ 1, isPositional: false)
        do {
            try add(id, key: key) {
                if let key {
                    let name = InsertName(scope: id.number, name: NameID(key))
                    contents.insertPlaces[name] = contents.inserts.count
                }
                contents.inserts.append(Insert(index: buffer.count, session: session, key: key))
            }
            let step = scope.kind == .map ? PathStep.member(key ?? "*") : .element(scope.count &- 1)
            nested.contents.parent = Parent(session: self.session, id: id, step: step)
        } catch {
            // Nor is anything written there; and no chain of them grows, however deep the value is (B306).
            fail(error)
            nested.fail(error)
        }
        return ValueEncoder(session: session, id: nested.scope.id)
    }

    /// Writes the one value of a type that is written as another.
    @inline(__always)
    func single(_ id: ValueID, _ value: () throws -> Void) throws {
        guard id == scope.id, scope.kind == .empty else {
            throw located(CodingError(.notRepresentable, at: -1, found: "a value written twice")) { steps(to: id) }
        }
        scope.kind = .single
        do {
            try value()
        } catch {
            if scope.id == id {
                buffer.truncate(to: scope.start)
                scope.kind = .empty
            }
            throw error
        }
    }

    @inline(never)
    private func fail(_ failure: CodingError) {
        if !contents.hasFailed { fail(located(failure) { steps(to: scope.id) }) }
    }

    private func fail(_ error: any Error) {
        if !contents.hasFailed { (contents.failure, contents.hasFailed) = (error, true) }
    }

    @inline(__always)
    func throwFailure() throws {
        if contents.hasFailed, let failure = contents.failure { throw failure }
    }
}

// SPDX-License-Identifier: Apache-2.0

/// The fields (headers) of an HTTP message, in order; names compare without case.
///
/// Any text can be put in. What cannot be sent (a name that is not a token, a value with a line break or anything but
/// printable ASCII) is refused when the request is made, before a byte leaves (RFC 9110 §5.1, §5.5).
/// `description` shows names and sizes only, because values may be secrets.
public struct HTTPFields: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence, CustomStringConvertible {
    /// One line: a name and its value.
    public struct Field: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
        /// The name, as written; two names that differ only in the case of ASCII letters are equal.
        public var name: String
        /// The value, without surrounding blanks when it was received.
        public var value: String

        /// A field of that name and value.
        public init(_ name: String, _ value: String) {
            (self.name, self.value) = (name, value)
        }

        /// Whether names (without case) and values are the same.
        public static func == (a: Self, b: Self) -> Bool {
            a.name.equalsIgnoringASCIICase(b.name) && a.value.utf8.elementsEqual(b.value.utf8)
        }

        /// Feeds the name without case and the value to `hasher`.
        public func hash(into hasher: inout Hasher) {
            for byte in name.utf8 { hasher.combine(HTTPSyntax.lowercased(byte)) }
            for byte in value.utf8 { hasher.combine(byte) }
        }

        /// The name and the size of the value, which itself may be a secret.
        public var description: String { "\(name): (\(value.utf8.count) bytes)" }
        /// Shows the name only.
        public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
    }

    private var fields: [Field] = []

    /// No fields.
    public init() {}

    /// Fields in the order of the literal; a name may occur more than once.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(Field(name, value)) }
    }

    /// As many as most messages have: room for them is made at once.
    private static let usualCount = 8

    /// The value of `name`, or nil; several fields of one name are joined with `", "` (RFC 9110 §5.2).
    ///
    /// Setting replaces all fields of that name by one, in the place of the first, and setting nil removes them.
    /// `Set-Cookie` cannot be joined: read its fields one by one.
    public subscript(name: String) -> String? {
        get {
            var joined: String?
            for field in fields where field.name.equalsIgnoringASCIICase(name) {
                joined = joined.map { $0 + ", " + field.value } ?? field.value
            }
            return joined
        }
        set {
            let first = fields.firstIndex { $0.name.equalsIgnoringASCIICase(name) }
            guard let newValue else {
                fields.removeAll { $0.name.equalsIgnoringASCIICase(name) }
                return
            }
            guard let first else { return append(Field(name, newValue)) }
            let rest = fields[(first + 1)...].filter { !$0.name.equalsIgnoringASCIICase(name) }
            fields.replaceSubrange(first..., with: [Field(name, newValue)] + rest)
        }
    }

    /// Adds a field at the end, also when there are others of its name.
    public mutating func append(_ field: Field) {
        if fields.isEmpty { fields.reserveCapacity(Self.usualCount) }
        fields.append(field)
    }

    /// Goes on with the value of the last field, with a blank between (RFC 9112 §5.2).
    mutating func extendLast(by rest: String) {
        guard let last = fields.indices.last, !rest.isEmpty else { return }
        fields[last].value += fields[last].value.isEmpty ? rest : " " + rest
    }

    /// The fields in order.
    public func makeIterator() -> IndexingIterator<[Field]> { fields.makeIterator() }

    /// The names and the sizes of the values.
    public var description: String { fields.description }

    package var count: Int { fields.count }

    /// How many fields have that name.
    func count(of name: String) -> Int {
        fields.reduce(0) { $1.name.equalsIgnoringASCIICase(name) ? $0 + 1 : $0 }
    }

    /// The values of all fields of that name, in order.
    package func values(of name: String) -> [String] {
        fields.lazy.filter { $0.name.equalsIgnoringASCIICase(name) }.map(\.value)
    }

    /// The members of a comma-separated list field, in order, blanks around them and empty ones removed (RFC 9110 §5.6.1).
    package func list(_ name: String) -> [Substring] {
        var members: [Substring] = []
        for field in fields where field.name.equalsIgnoringASCIICase(name) {
            var rest = field.value.utf8[...]
            while !rest.isEmpty {
                let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                let member = Substring(rest[..<end]).trimmingBlanks
                if !member.isEmpty { members.append(member) }
                rest = rest[end...].dropFirst()
            }
        }
        return members
    }

    /// Whether the list field has that member, without regard to case: `Connection: keep-alive, Upgrade`.
    package func list(_ name: String, contains member: String) -> Bool {
        // As a rule it is the only one.
        if fields.contains(where: {
            $0.name.equalsIgnoringASCIICase(name) && $0.value.equalsIgnoringASCIICase(member)
        }) {
            return true
        }
        return list(name).contains { $0.equalsIgnoringASCIICase(member) }
    }
}

extension String {
    package func equalsIgnoringASCIICase(_ other: String) -> Bool {
        HTTPSyntax.areEqualIgnoringASCIICase(utf8.span, other.utf8.span)
    }
}

extension Substring {
    package func equalsIgnoringASCIICase(_ other: String) -> Bool {
        HTTPSyntax.areEqualIgnoringASCIICase(utf8.span, other.utf8.span)
    }
}

extension Substring {
    /// Without blanks and tabs at both ends (OWS of RFC 9110 §5.6.3).
    var trimmingBlanks: Substring {
        var rest = utf8
        while let first = rest.first, HTTPSyntax.isBlank(first) { rest.removeFirst() }
        while let last = rest.last, HTTPSyntax.isBlank(last) { rest.removeLast() }
        return Substring(rest)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// The words and braces of a Swift source, without its comments and the text of its strings.
///
/// Code inside an interpolation counts as code. It is a scanner, not a parser: enough to see what a file declares,
/// names and imports.
struct SwiftTokens {
    struct Token: Equatable {
        var text: String
        var line: Int
        /// `.name`: a member, which belongs to the type before it.
        var isMember: Bool
        /// How many braces are open.
        var depth: Int
    }

    private(set) var tokens: [Token] = []
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var depth = 0

    init(_ source: String) {
        bytes = Array(source.utf8)
        scanCode(untilParenthesis: false)
    }

    private func byte(_ offset: Int = 0) -> UInt8 {
        position + offset < bytes.count ? bytes[position + offset] : 0
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private mutating func scanCode(untilParenthesis: Bool) {
        var parentheses = 1
        var followsDot = false
        while position < bytes.count {
            let dot = followsDot
            followsDot = false
            switch byte() {
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"):
                while position < bytes.count, byte() != UInt8(ascii: "\n") { advance() }
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"):
                skipBlockComment()
            case UInt8(ascii: "\""):
                scanString(pounds: 0)
            case UInt8(ascii: "#"):
                var pounds = 0
                while byte(pounds) == UInt8(ascii: "#") { pounds += 1 }
                advance(pounds)
                if byte() == UInt8(ascii: "\"") { scanString(pounds: pounds) }
            case UInt8(ascii: "("):
                parentheses += 1
                advance()
            case UInt8(ascii: ")"):
                parentheses -= 1
                advance()
                if untilParenthesis, parentheses == 0 { return }
            case UInt8(ascii: "{"):
                advance()
                depth += 1
            case UInt8(ascii: "}"):
                advance()
                depth -= 1
            case UInt8(ascii: "."):
                // `...Name` and `..<Name` are operators with a type behind them.
                followsDot = position == 0 || bytes[position - 1] != UInt8(ascii: ".")
                advance()
            case let byte where Self.isWord(byte):
                scanWord(isMember: dot)
            default:
                advance()
            }
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }

    private mutating func scanWord(isMember: Bool) {
        let start = position
        while Self.isWord(byte()) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        tokens.append(Token(text: text, line: line, isMember: isMember, depth: depth))
    }

    private mutating func skipBlockComment() {
        var open = 0
        repeat {
            if byte() == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
                open += 1
                advance(2)
            } else if byte() == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
                open -= 1
                advance(2)
            } else {
                advance()
            }
        } while open > 0 && position < bytes.count
    }

    private mutating func scanString(pounds: Int) {
        let isMultiline = byte(1) == UInt8(ascii: "\"") && byte(2) == UInt8(ascii: "\"")
        let quotes = isMultiline ? 3 : 1
        advance(quotes)
        while position < bytes.count {
            if byte() == UInt8(ascii: "\\"), (0..<pounds).allSatisfy({ byte(1 + $0) == UInt8(ascii: "#") }) {
                advance(1 + pounds)
                let isInterpolation = byte() == UInt8(ascii: "(")
                advance()
                if isInterpolation { scanCode(untilParenthesis: true) }
            } else if (0..<quotes).allSatisfy({ byte($0) == UInt8(ascii: "\"") }),
                (0..<pounds).allSatisfy({ byte(quotes + $0) == UInt8(ascii: "#") })
            {
                return advance(quotes + pounds)
            } else {
                advance()
            }
        }
    }
}

extension SwiftTokens {
    private static let declarators: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]

    /// The types declared at the top of the file that other files can name.
    var declaredTypes: [Token] {
        var found: [Token] = []
        for (index, token) in tokens.enumerated() where token.depth == 0 && !token.isMember {
            guard Self.declarators.contains(token.text), index + 1 < tokens.count else { continue }
            let name = tokens[index + 1]
            guard name.text.first?.isUppercase == true else { continue }
            let modifiers = tokens[..<index].suffix(3).filter { $0.line == token.line }.map(\.text)
            if modifiers.contains("private") || modifiers.contains("fileprivate") { continue }
            found.append(name)
        }
        return found
    }

    /// The names of types declared inside others, which hide those of other files.
    var nestedTypes: Set<String> {
        Set(
            tokens.indices.dropLast().lazy
                .filter { tokens[$0].depth > 0 && Self.declarators.contains(tokens[$0].text) }
                .map { tokens[$0 + 1].text }
        )
    }

    /// The modules imported, the first component of each.
    var importedModules: [Token] {
        let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
        return tokens.indices.compactMap { index in
            guard tokens[index].text == "import", !tokens[index].isMember, index + 1 < tokens.count else { return nil }
            let next = tokens[index + 1]
            return kinds.contains(next.text) && index + 2 < tokens.count ? tokens[index + 2] : next
        }
    }

    /// Every word that is not a member of something.
    var names: [Token] { tokens.filter { !$0.isMember } }
}

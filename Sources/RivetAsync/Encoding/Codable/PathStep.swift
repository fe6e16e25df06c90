// SPDX-License-Identifier: Apache-2.0

/// One step of the way from a document's root to a value in it.
enum PathStep: Equatable {
    case element(Int)
    case member(String)

    init(_ key: any CodingKey) {
        self = key.intValue.map(PathStep.element) ?? .member(key.stringValue)
    }

    /// The step as an error may tell it.
    func shown(_ names: DeclaredNames) -> PathStep {
        if case .member(let name) = self { .member(names.shown(name)) } else { self }
    }
}

extension [PathStep] {
    /// The way as text: `[2].user.name`.
    var text: String {
        var text = ""
        for step in self {
            switch step {
            case .element(let index): text += "[\(index)]"
            case .member(let name): text += text.isEmpty ? name : ".\(name)"
            }
        }
        return text
    }
}

/// A step as `Codable` has it.
struct StepKey: CodingKey {
    let step: PathStep

    init(_ step: PathStep) { self.step = step }
    init?(stringValue: String) { step = .member(stringValue) }
    init?(intValue: Int) { step = .element(intValue) }

    var stringValue: String {
        switch step {
        case .member(let name): name
        case .element(let index): "Index \(index)"
        }
    }

    var intValue: Int? {
        if case .element(let index) = step { index } else { nil }
    }
}

extension DocumentReader {
    /// The way from the root to the item at `target`; `*` for a name that no type declares.
    func steps(to target: Int, _ names: DeclaredNames) -> [PathStep] {
        var steps: [PathStep] = []
        var reader = self
        reader.position = 0
        while let step = try? reader.nextStep(to: target, names) { steps.append(step) }
        return steps
    }

    /// Moves to the child in which `target` lies, and names it; nil if there is none.
    private mutating func nextStep(to target: Int, _ names: DeclaredNames) throws(CodingError) -> PathStep? {
        _ = try readTags()
        let kind = try peekKind()
        guard position < target, kind == .array || kind == .map else { return nil }
        // A set's elements are its steps, not those of the pair around them.
        if kind == .array, let pair = try? peekPair(), pair.kind == .set, target > pair.second {
            position = pair.second
            return try nextStep(to: target, names)
        }
        var remaining = kind == .map ? try beginMap() : try beginArray()
        var index = 0
        while try hasNext(&remaining) {
            let key = kind == .map ? try readKey() : nil
            _ = try? peekKind()  // Steps over blanks.
            let start = position
            guard start <= target else { return nil }
            // What cannot be skipped is where a malformed document went wrong, or one that is being written goes on.
            let isSound = (try? skipItem(depth: 0)) != nil
            if !isSound || target < position {
                position = start
                return kind == .map ? .member(key.map(names.shown) ?? "*") : .element(index)
            }
            index &+= 1
        }
        return nil
    }
}

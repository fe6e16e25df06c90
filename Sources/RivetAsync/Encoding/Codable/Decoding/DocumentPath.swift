// SPDX-License-Identifier: Apache-2.0

/// One step of a coding path, found out only when somebody asks.
///
/// Keeping a path while decoding would cost every value; walking the document again costs only who fails.
struct PlaceKey: CodingKey {
    let decoder: ValueDecoder
    /// Which step from the root.
    let level: Int

    init(_ decoder: ValueDecoder, level: Int) { (self.decoder, self.level) = (decoder, level) }
    init?(stringValue: String) { nil }
    init?(intValue: Int) { nil }

    private var step: ValueDecoder.Step? {
        let steps = decoder.steps(to: Int(decoder.offset))
        return level < steps.count ? steps[level] : nil
    }

    var stringValue: String {
        switch step {
        case .member(let name): name
        case .element(let index): "Index \(index)"
        case nil: ""
        }
    }

    var intValue: Int? {
        if case .element(let index) = step { index } else { nil }
    }
}

extension ValueDecoder {
    enum Step {
        case element(Int)
        case member(String)
    }

    /// The way from the root to the item at `offset`: `[2].user.name`; `*` for a name that no type declares.
    func path(to target: Int) -> String {
        var path = ""
        for step in steps(to: target) {
            switch step {
            case .element(let index): path += "[\(index)]"
            case .member(let name): path += path.isEmpty ? name : ".\(name)"
            }
        }
        return path
    }

    func steps(to target: Int) -> [Step] {
        var steps: [Step] = []
        var reader = at(0).reader
        while let step = try? nextStep(&reader, target) { steps.append(step) }
        return steps
    }

    /// Moves the reader to the child in which `target` lies, and names it; nil if there is none.
    private func nextStep(_ reader: inout DocumentReader, _ target: Int) throws(CodingError) -> Step? {
        _ = try reader.readTags()
        let kind = try reader.peekKind()
        guard reader.position < target, kind == .array || kind == .map else { return nil }
        // A set's elements are its steps, not those of the pair around them.
        if kind == .array, let pair = try? reader.peekPair(), pair.kind == .set, target > pair.second {
            reader.position = pair.second
            return try nextStep(&reader, target)
        }
        var remaining = kind == .map ? try reader.beginMap() : try reader.beginArray()
        var index = 0
        while try reader.hasNext(&remaining) {
            let key = kind == .map ? try reader.readKey() : nil
            _ = try? reader.peekKind()  // Steps over blanks.
            let start = reader.position
            guard start <= target else { return nil }
            // What cannot be skipped is where a malformed document went wrong.
            let isSound = (try? reader.skipItem(depth: 0)) != nil
            if !isSound || target < reader.position {
                reader.position = start
                return kind == .map ? .member(key.map(session.names.shown) ?? "*") : .element(index)
            }
            index &+= 1
        }
        return nil
    }

    /// The failure with its path and what stands there.
    func located(_ failure: CodingError) -> CodingError {
        var failure = failure
        guard failure.offset >= 0 else { return failure }
        failure.prepend(path(to: failure.offset))
        if failure.found.isEmpty, failure.kind == .typeMismatch || failure.kind == .integerOverflow {
            var reader = at(failure.offset).reader
            failure.found = (try? reader.peekKind().name) ?? ""
        }
        return failure
    }

    /// What a decoding error says, in our words: one of ours, the standard library's, or a user's.
    func failure(for error: DecodingError) -> CodingError {
        var failure: CodingError
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(let type, let given):
            (failure, context) = (CodingError(.typeMismatch, at: -1, wanted: "\(type)"), given)
        case .valueNotFound(let type, let given):
            (failure, context) = (CodingError(.typeMismatch, at: -1, wanted: "\(type)", found: "nothing"), given)
        case .keyNotFound(let key, let given):
            let name = session.names.shown(key.stringValue)
            (failure, context) = (CodingError(.missingField, at: -1, wanted: name), given)
        case .dataCorrupted(let given):
            (failure, context) = (CodingError(.refusedByType, at: -1), given)
        @unknown default:
            return CodingError(.refusedByType, at: -1)
        }
        if let ours = context.underlyingError as? CodingError { return located(ours) }
        for key in context.codingPath {
            let name = key.intValue.map { "[\($0)]" } ?? session.names.shown(key.stringValue)
            failure.path += failure.path.isEmpty || name.first == "[" || name.isEmpty ? name : ".\(name)"
        }
        failure.underlying = error.withoutPayload
        return failure
    }
}

extension DecodingError {
    /// Without the value that the standard library quotes where raw values and ranges do not fit.
    fileprivate var withoutPayload: DecodingError {
        guard case .dataCorrupted(let context) = self, context.underlyingError == nil,
            context.debugDescription.utf8.starts(with: "Cannot initialize ".utf8)
        else { return self }
        // `Cannot initialize Color from invalid String value purple`, `Cannot initialize Range<Int> with a …`.
        let words = context.debugDescription.split(separator: " ")
        let kept = words.prefix { $0 != "from" && $0 != "with" }.joined(separator: " ")
        return .dataCorrupted(Context(codingPath: context.codingPath, debugDescription: kept))
    }
}

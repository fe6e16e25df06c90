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

    private var step: PathStep? {
        let steps = decoder.steps(to: Int(decoder.offset))
        return level < steps.count ? steps[level] : nil
    }

    var stringValue: String { step.map { StepKey($0).stringValue } ?? "" }
    var intValue: Int? { step.flatMap { StepKey($0).intValue } }
}

extension ValueDecoder {
    func steps(to target: Int) -> [PathStep] { reader.steps(to: target, session.names) }

    /// The failure with its path and what stands there.
    func located(_ failure: CodingError) -> CodingError {
        var failure = failure
        guard failure.offset >= 0 else { return failure }
        failure.prepend(steps(to: failure.offset).text)
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
        failure.underlying = error.withoutPayload { StepKey(PathStep($0).shown(session.names)) }
        return failure
    }
}

extension DecodingError {
    /// Without the value that the standard library quotes where raw values and ranges do not fit, and with each key as
    /// `shown` gives it: a dictionary's are the user's data.
    fileprivate func withoutPayload(_ shown: (any CodingKey) -> any CodingKey) -> DecodingError {
        func clean(_ context: Context) -> Context {
            var description = context.debugDescription
            if context.underlyingError == nil, description.utf8.starts(with: "Cannot initialize ".utf8) {
                // `Cannot initialize Color from invalid String value purple`, `Cannot initialize Range<Int> with a …`.
                let words = description.split(separator: " ")
                description = words.prefix { $0 != "from" && $0 != "with" }.joined(separator: " ")
            }
            return Context(
                codingPath: context.codingPath.map(shown),
                debugDescription: description,
                underlyingError: context.underlyingError
            )
        }
        return switch self {
        case .typeMismatch(let type, let context): .typeMismatch(type, clean(context))
        case .valueNotFound(let type, let context): .valueNotFound(type, clean(context))
        case .keyNotFound(let key, let context): .keyNotFound(shown(key), clean(context))
        case .dataCorrupted(let context): .dataCorrupted(clean(context))
        @unknown default: self
        }
    }
}

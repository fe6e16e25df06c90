// SPDX-License-Identifier: Apache-2.0

/// A place as a coding key: one key for the whole way, found out only when somebody asks.
///
/// Keeping a path while decoding would cost every value; walking the document again costs only who fails.
struct PlaceKey: CodingKey {
    let decoder: ValueDecoder

    init(_ decoder: ValueDecoder) { self.decoder = decoder }
    init?(stringValue: String) { nil }
    init?(intValue: Int) { nil }

    var stringValue: String { decoder.path(to: Int(decoder.offset)) }
    var intValue: Int? { nil }
}

extension ValueDecoder {
    /// The way from the root to the item at `offset`: `[2].user.name`.
    func path(to target: Int) -> String {
        var path = ""
        var reader = at(0).reader
        while let step = try? nextStep(&reader, target) { path += step }
        return path.first == "." ? String(path.dropFirst()) : path
    }

    /// Moves the reader to the child in which `target` lies, and names it; nil if there is none.
    private func nextStep(_ reader: inout DocumentReader, _ target: Int) throws(CodingError) -> String? {
        _ = try reader.readTags()
        let kind = try reader.peekKind()
        guard reader.position < target, kind == .array || kind == .map else { return nil }
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
                guard kind == .map else { return "[\(index)]" }
                return key.map { ".\($0)" } ?? ".?"
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
            (failure, context) = (CodingError(.missingField, at: -1, wanted: key.stringValue), given)
        case .dataCorrupted(let given):
            (failure, context) = (CodingError(.refusedByType, at: -1), given)
        @unknown default:
            return CodingError(.refusedByType, at: -1)
        }
        if let ours = context.underlyingError as? CodingError { return located(ours) }
        for key in context.codingPath {
            let name = key.intValue.map { "[\($0)]" } ?? key.stringValue
            failure.path += failure.path.isEmpty || name.first == "[" || name.isEmpty ? name : ".\(name)"
        }
        failure.underlying = error
        return failure
    }
}

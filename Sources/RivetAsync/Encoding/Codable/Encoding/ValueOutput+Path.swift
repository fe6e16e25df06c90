// SPDX-License-Identifier: Apache-2.0

/// Where in the document a value is, found out only when somebody asks or fails.
///
/// Keeping a path while encoding would cost every value; what is written so far is read again instead.
extension ValueOutput {
    /// What a nested output belongs to: one of the values of another one.
    struct Parent {
        let session: EncodingSession
        let id: ValueID
        let step: PathStep
    }

    /// The coding path of a value under way: a key for each step, and empty at the root.
    func codingPath(of id: ValueID) -> [any CodingKey] { steps(to: id).map(StepKey.init) }

    /// The way from the root to a value under way; `*` for a name that no type declares.
    func steps(to id: ValueID) -> [PathStep] {
        // Of what is nested deeper nothing is linked, so this ends.
        let outer = contents.parent.map { parent in
            let names = parent.session.names
            return parent.session.output.steps(to: parent.id) + [parent.step.shown(names)]
        }
        return (outer ?? []) + stepsHere(to: Int(id.start))
    }

    private func stepsHere(to target: Int) -> [PathStep] {
        guard target > 0, target <= buffer.count else { return [] }
        // What is before the value, with something in the place of what is nested and of the value.
        let filler: UInt8 = format.isJSON ? UInt8(ascii: "0") : 0
        var document: [UInt8] = []
        document.reserveCapacity(target + 1)
        buffer.withUnsafeBytes { bytes in
            var copied = 0
            for insert in contents.inserts where insert.index <= target {
                unsafe document.append(contentsOf: bytes[copied..<insert.index])
                document.append(filler)
                copied = insert.index
            }
            unsafe document.append(contentsOf: bytes[copied..<target])
        }
        let place = document.count
        document.append(filler)
        return unsafe document.withUnsafeBytes {
            unsafe DocumentReader($0, position: 0, format.syntax).steps(to: place, session.names)
        }
    }

    /// A failure as `Codable` throws it, with the path of the value that cannot be written.
    func located(_ error: any Error, _ path: () -> [PathStep]) -> any Error {
        switch error {
        case var failure as CodingError:
            let steps = path()
            failure.prepend(steps.text)
            return EncodingError.invalidValue(
                failure.found,
                EncodingError.Context(
                    codingPath: steps.map(StepKey.init),
                    debugDescription: failure.kind.rawValue,
                    underlyingError: failure
                )
            )
        case EncodingError.invalidValue(let value, let context):
            if context.underlyingError is CodingError { return error }
            let steps = path()
            // A type gives the whole path, as it should, or only what is behind its own place.
            let given = context.codingPath.map { PathStep($0).shown(session.names) }
            let whole = given.starts(with: steps) ? given : steps.starts(with: given) ? steps : steps + given
            return EncodingError.invalidValue(
                value,
                EncodingError.Context(
                    codingPath: whole.map(StepKey.init),
                    debugDescription: context.debugDescription,
                    underlyingError: CodingError(value, context, whole)
                )
            )
        default:
            return error
        }
    }
}

extension CodingError {
    /// What leaves an encoding as an `EncodingError`.
    init(_ error: EncodingError, _ names: DeclaredNames) {
        guard case .invalidValue(let value, let context) = error else {
            self.init(.notRepresentable, at: -1)
            return
        }
        if let located = context.underlyingError as? CodingError {
            self = located
        } else {
            self.init(value, context, context.codingPath.map { PathStep($0).shown(names) })
        }
    }

    /// What a user's `encode(to:)` threw by itself.
    fileprivate init(_ value: Any, _ context: EncodingError.Context, _ steps: [PathStep]) {
        self.init(.notRepresentable, at: -1)
        path = steps.text
        // The error holds the value, and prints it; and the path may hold a dictionary's keys.
        let told = EncodingError.Context(
            codingPath: steps.map(StepKey.init),
            debugDescription: context.debugDescription,
            underlyingError: context.underlyingError
        )
        underlying = EncodingError.invalidValue(type(of: value), told)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// What is done when a value is complete: heads, escapes, and the nested outputs put in place.
extension ValueOutput {
    func finish() throws {
        if contents.inserts.count > scope.firstInsert { try insertNested() }
        switch scope.kind {
        case .empty:
            // A type without properties is an empty map, or no arguments.
            if format.isJSON {
                buffer.append(scope.isPositional ? "[]" : "{}")
            } else {
                buffer.append(scope.isPositional ? 0x80 : 0xa0)
            }
        case .tag: break
        case .single:
            guard scope.isPositional else { break }
            buffer.insert(CollectionOfOne(format.isJSON ? UInt8(ascii: "[") : 0x81), at: scope.start)
            if format.isJSON { buffer.append(UInt8(ascii: "]")) }
        case .array, .map:
            if scope.kind == .array, scope.count == 2 { escapePair() }
            if scope.kind == .map { finishMembers() }
            if format.isJSON {
                buffer.append(scope.kind == .map ? UInt8(ascii: "}") : UInt8(ascii: "]"))
            } else {
                finishCBORHead()
            }
        }
        try throwFailure()
    }

    private func finishCBORHead() {
        let major: UInt8 = scope.kind == .map ? 5 : 4
        if scope.count < 24 {
            return buffer.replaceByte(at: scope.start, with: major << 5 | UInt8(truncatingIfNeeded: scope.count))
        }
        var head: [UInt8] = []
        head.appendCBORHead(major: major, UInt64(scope.count))
        buffer.replaceByte(at: scope.start, with: head[0])
        buffer.insert(head[1...], at: scope.start + 1)
    }

    /// Puts a `$` in front of the first of two elements if it is text that starts with one (B114).
    private func escapePair() {
        guard format != .plainJSON else { return }
        let first = scope.start + 1
        if format.isJSON {
            let isText = buffer.count > first + 1 && buffer[first] == 0x22 && buffer[first + 1] == 0x24
            if isText { buffer.insert(CollectionOfOne(UInt8(ascii: "$")), at: first + 1) }
            return
        }
        let text = buffer.withUnsafeBytes { bytes -> Range<Int>? in
            var reader = unsafe CBORReader(bytes, position: first)
            guard let text = try? unsafe reader.readPlainText(), unsafe text.first == UInt8(ascii: "$") else {
                return nil
            }
            return reader.position - text.count..<reader.position
        }
        guard let text else { return }
        var head: [UInt8] = []
        head.appendCBORHead(major: 3, UInt64(text.count + 1))
        head.append(UInt8(ascii: "$"))
        let old = text.lowerBound - first
        for index in 0..<old { buffer.replaceByte(at: first + index, with: head[index]) }
        buffer.insert(head[old...], at: text.lowerBound)
    }

    private func insertNested() throws {
        let content = buffer.withUnsafeBytes { unsafe Array($0[scope.start...]) }
        buffer.truncate(to: scope.start)
        var written = 0
        for insert in contents.inserts[scope.firstInsert...] {
            let end = insert.index - scope.start
            buffer.append(content[written..<end])
            written = end
            try insert.session.output.finish()
            buffer.append(insert.session.output.buffer)
        }
        buffer.append(content[written...])
        removeNested()
    }

    /// Lets go of the value's nested outputs, which keep this one for their path.
    func removeNested() {
        let first = scope.firstInsert
        for insert in contents.inserts[first...] {
            insert.session.output.leaveParent()
            if first > 0, let key = insert.key {
                contents.insertPlaces[InsertName(scope: scope.id.number, name: NameID(key))] = nil
            }
        }
        if first == 0 { contents.insertPlaces = [:] }
        contents.inserts.removeLast(contents.inserts.count - first)
    }

    /// What is kept of it writes nowhere from now on.
    private func leaveParent() {
        contents.parent = nil
        scope = Scope()
        removeNested()
    }
}

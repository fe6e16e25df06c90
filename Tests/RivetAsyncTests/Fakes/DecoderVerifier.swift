// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// Feeds the same bytes to a decoder in every cutting and expects the same events each time: all at once, byte by
/// byte, every split in two, all messages together and one by one, and slices with foreign bytes on both sides.
struct DecoderVerifier<Event: Equatable> {
    /// Makes a fresh decoder; the closure takes one chunk and returns the events it caused.
    var makeDecoder: () -> (ByteChunk, inout [Event]) throws -> Void
    /// Joins two events that differ only by the cutting (two pieces of one body); nil where they do not.
    var merge: (Event, Event) -> Event? = { _, _ in nil }

    /// Every cutting of `messages` gives `expected`, and no error.
    func expect(
        _ messages: [[UInt8]],
        gives expected: [Event],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        check(messages, expected, sourceLocation) { $0 == nil }
    }

    /// Every cutting of `messages` gives `expected` and then `error`.
    ///
    /// With `thenEnd` an empty chunk follows, which the closure takes as the end of the stream.
    func expect<Failure: Error & Equatable>(
        _ messages: [[UInt8]],
        thenEnd: Bool = false,
        gives expected: [Event] = [],
        then error: Failure,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        check(messages, thenEnd: thenEnd, expected, sourceLocation) { $0 as? Failure == error }
    }

    private func check(
        _ messages: [[UInt8]],
        thenEnd: Bool = false,
        _ expected: [Event],
        _ sourceLocation: SourceLocation,
        _ isExpected: ((any Error)?) -> Bool
    ) {
        for (name, chunks) in cuttings(messages) {
            var events: [Event] = []
            var failure: (any Error)?
            let feed = makeDecoder()
            do {
                for chunk in chunks { try feed(chunk, &events) }
                if thenEnd { try feed(ByteChunk(), &events) }
            } catch {
                failure = error
            }
            let merged = mergeAll(events)
            guard merged == mergeAll(expected), isExpected(failure) else {
                Issue.record(
                    "\(name): got \(merged), error \(String(describing: failure)); expected \(expected)",
                    sourceLocation: sourceLocation
                )
                return  // One report is enough; the other cuttings say the same.
            }
        }
    }

    func mergeAll(_ events: [Event]) -> [Event] {
        events.reduce(into: []) { merged, event in
            if let last = merged.last, let joined = merge(last, event) {
                merged[merged.count - 1] = joined
            } else {
                merged.append(event)
            }
        }
    }

    private func cuttings(_ messages: [[UInt8]]) -> [(String, [ByteChunk])] {
        let all = messages.flatMap { $0 }
        var cuttings: [(String, [ByteChunk])] = [
            ("all at once", [ByteChunk(all)]),
            ("message by message", messages.map { ByteChunk($0) }),
            ("byte by byte", all.map { ByteChunk([$0]) }),
            ("all at once between foreign bytes", [surrounded(all)]),
            ("byte by byte between foreign bytes", all.map { surrounded([$0]) }),
        ]
        // Long inputs: every 61st split; their structure lies in the first and last kilobyte.
        for split in all.indices where split > 0 && (split < 1024 || split > all.count - 1024 || split % 61 == 0) {
            cuttings.append(("split at \(split)", [surrounded(Array(all[..<split])), ByteChunk(all[split...])]))
        }
        return cuttings
    }

    /// Line ends, digits and a zero around the slice: what a decoder that reads past its slice would fall for.
    private func surrounded(_ bytes: [UInt8]) -> ByteChunk {
        let foreign: [UInt8] = [0x31, 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x81, 0x7f]
        return ByteChunk(foreign + bytes + foreign).slice(foreign.count..<(foreign.count + bytes.count))
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A response decoder that expects answers to requests of these methods, one after the other.
func responseVerifier(
    methods: [String] = ["GET"],
    allowsUpgrade: Bool = false,
    limits: HTTPLimits = HTTPLimits()
) -> DecoderVerifier<HTTPResponseDecoder.Event> {
    DecoderVerifier(
        makeDecoder: {
            var decoder = HTTPResponseDecoder(limits: limits)
            var methods = methods[...]
            return { chunk, events in
                var position = 0
                while true {
                    if decoder.isIdle, let method = methods.popFirst() {
                        decoder.expectResponse(toMethod: method, allowsUpgrade: allowsUpgrade)
                    }
                    let event = chunk.isEmpty ? try decoder.finish() : try decoder.next(in: chunk, from: &position)
                    guard let event else { break }
                    events.append(event)
                }
                // What follows a 101 is shown as a body.
                if position < chunk.count { events.append(.body(chunk.slice(position..<chunk.count))) }
            }
        },
        merge: { first, second in
            guard case .body(let a) = first, case .body(let b) = second else { return nil }
            return .body(ByteChunk(Array(a) + Array(b)))
        }
    )
}

func requestVerifier(limits: HTTPLimits = HTTPLimits()) -> DecoderVerifier<HTTPRequestDecoder.Event> {
    DecoderVerifier(
        makeDecoder: {
            var decoder = HTTPRequestDecoder(limits: limits)
            return { chunk, events in
                var position = 0
                while let event = try decoder.next(in: chunk, from: &position) { events.append(event) }
            }
        },
        merge: { first, second in
            guard case .body(let a) = first, case .body(let b) = second else { return nil }
            return .body(ByteChunk(Array(a) + Array(b)))
        }
    )
}

extension ByteChunk {
    init(text: String) { self.init(text.utf8) }
}

extension ByteBuffer {
    var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

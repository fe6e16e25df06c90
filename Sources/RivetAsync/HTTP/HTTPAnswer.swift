// SPDX-License-Identifier: Apache-2.0

/// A whole answer, read up to a limit.
struct HTTPAnswer: Sendable {
    let head: HTTPResponseHead
    let body: ByteChunk

    var isSuccess: Bool { (200..<300).contains(head.status) }
    var rayID: String? { head.fields["x-rivet-ray-id"] }
    /// Whether the actor side made it, whatever its status says (PROTOCOL d, B229).
    var isFromActor: Bool { head.fields["x-rivet-actor"] != nil }
    var retryAfter: Duration? {
        head.fields["retry-after"].flatMap { Int($0) }.map { .seconds(min(max($0, 0), 86_400)) }
    }
}

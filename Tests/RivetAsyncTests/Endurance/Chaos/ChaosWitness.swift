// SPDX-License-Identifier: Apache-2.0
import Synchronization

@testable import RivetAsync

/// What went over the wire to each connection, whoever lost it: Rivet's engine loses events for all listeners of an
/// actor alike.
final class ChaosWitness: Sendable {
    /// The counts that came, by the number that a connection has as its parameters: one list for each of its sockets.
    private let sockets = Mutex<[Int: [[Int]]]>([:])

    /// The index of the new socket among those of the connection.
    fileprivate func opened(_ connection: Int) -> Int {
        sockets.withLock { sockets in
            sockets[connection, default: []].append([])
            return sockets[connection, default: []].count - 1
        }
    }

    fileprivate func came(_ count: Int, _ connection: Int, _ socket: Int) {
        sockets.withLock { $0[connection]?[socket].append(count) }
    }

    /// What of `heard`, the counts between the gaps, the wire does not account for; nil where it accounts for all.
    ///
    /// What came last on a socket may have been lost with it, and nothing else.
    func contradiction(_ connection: Int, heard: [[Int]]) -> String? {
        var sockets = sockets.withLock { $0[connection, default: []] }[...]
        for counts in heard {
            guard let index = sockets.firstIndex(where: { $0.starts(with: counts) }) else {
                return "\(Self.ranges(counts)) was heard, and \(sockets.map(Self.ranges)) came"
            }
            sockets = sockets[(index + 1)...]
        }
        return nil
    }

    /// Short enough for one line of a log.
    private static func ranges(_ counts: [Int]) -> [ClosedRange<Int>] {
        counts.reduce(into: []) { ranges, count in
            if let last = ranges.last, count == last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...count
            } else {
                ranges.append(count...count)
            }
        }
    }
}

/// One connection to the proxy, of which the witness learns what concerns it.
///
/// Not thread-safe: the relay has it on its lane.
struct ChaosWitnessedStream {
    private let witness: ChaosWitness
    /// The request's bytes, and then the answer's, until their heads are whole.
    private var head: [UInt8] = []
    private var place: (connection: Int, socket: Int)?
    private var isUpgraded = false
    private var isOther = false
    private var machine = WebSocketStateMachine(.init(role: .client))

    init(_ witness: ChaosWitness) { self.witness = witness }

    /// From the client.
    mutating func sent(_ bytes: ByteChunk) {
        guard place == nil, !isOther, let (request, _) = wholeHead(bytes) else { return }
        // A subprotocol, up to the comma or the end of the line.
        let parameters = request.firstRange(of: "rivet_conn_params.").map { request[$0.upperBound...] }
        guard let connection = parameters.flatMap({ Int($0.prefix(while: \.isNumber)) }) else { return isOther = true }
        place = (connection, witness.opened(connection))
    }

    /// To the client.
    mutating func received(_ bytes: ByteChunk) {
        guard let place else { return }
        var bytes = bytes
        if !isUpgraded {
            guard let (answer, rest) = wholeHead(bytes) else { return }
            (isUpgraded, isOther, bytes) = (true, !answer.hasPrefix("HTTP/1.1 101 "), rest)
        }
        guard !isOther else { return }
        machine.received(bytes, now: TimePoint(.zero))
        while let action = machine.nextAction() {
            guard case .deliver(let messages) = action else { continue }
            for message in messages {
                guard case .event(let event) = try? MessageCodec(.bare).readServerMessage(message.payload),
                    let count = Self.count(event.arguments)
                else { continue }
                witness.came(count, place.connection, place.socket)
            }
        }
    }

    /// The head and what is behind it, when it is whole.
    private mutating func wholeHead(_ bytes: ByteChunk) -> (head: String, rest: ByteChunk)? {
        head += bytes
        guard let end = head.firstRange(of: Array("\r\n\r\n".utf8)) else {
            // TLS has none.
            isOther = head.count > 16_384
            return nil
        }
        defer { head = [] }
        return (String(decoding: head[..<end.lowerBound], as: UTF8.self), ByteChunk(head[end.upperBound...]))
    }

    /// Of an array of one number, in CBOR.
    private static func count(_ arguments: ByteChunk) -> Int? {
        guard arguments.first == 0x81 else { return nil }
        let digits = arguments.dropFirst(2).reduce(0) { $0 << 8 | Int($1) }
        return arguments.count == 2 ? Int(arguments[1]) : digits
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync

enum BenchmarkActor: ActorDefinition {}

/// Answered at once.
struct Increment: ActorAction {
    typealias Target = BenchmarkActor
    typealias Output = Int
    var amount: Int
}

/// Answered after `count` events.
struct Flood: ActorAction {
    typealias Target = BenchmarkActor
    var count: Int
}

struct NewCount: ActorEvent {
    typealias Source = BenchmarkActor
    var count: Int
}

/// An actor's side of a connection, in the encoding bare, for the reference server.
enum ReferenceActor {
    static let id: ActorID = "5jxlv5boumuljx2d2nvyat0o2edl01"
    private static let codec = MessageCodec(.bare)
    /// The value of every event.
    static let count = 12_345

    static func serve(over socket: RawSocket) throws {
        try socket.send(frame { codec.writeInitial(actorID: id, connectionID: "benchmark", to: &$0) })
        let event = try eventFrame()
        let most = (256 << 10) / event.count
        let block = [UInt8]((0..<most).map { _ in event }.joined())
        let nothing = try ValueFormat.nativeCBOR.encode(NoValue())
        var messages = ReferenceFrames(socket)
        while try messages.receive() {
            try messages.forEach { message in
                guard
                    case .actionRequest(let id, let name, let arguments) = try codec.readClientMessage(
                        ByteChunk(message)
                    )
                else { return }
                var output = nothing
                if name.elementsEqual("flood".utf8) {
                    var left = try ValueFormat.nativeCBOR.decodeArgument(Flood.self, from: arguments).count
                    while left > 0 {
                        let now = min(left, most)
                        try block.withUnsafeBytes {
                            try socket.send(UnsafeRawBufferPointer(rebasing: $0[..<(now * event.count)]))
                        }
                        left -= now
                    }
                } else {
                    let amount = try ValueFormat.nativeCBOR.decodeArgument(Increment.self, from: arguments).amount
                    output = try ValueFormat.nativeCBOR.encode(amount)
                }
                try socket.send(frame { codec.writeActionResponse(id: id, output: output, to: &$0) })
            }
        }
    }

    /// Answers a call over HTTP, and each one like it that follows.
    static func answer(_ request: [UInt8], over socket: RawSocket) throws {
        let output = try ValueFormat.nativeCBOR.encode(3)
        var body: [UInt8] = []
        codec.writeActionResult(output: output, to: &body)
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: \(body.count)\r\n\r\n"
        let answer = Array(head.utf8) + body
        var next = request
        repeat {
            guard next == request else { throw BenchmarkError("another request") }
            try socket.send(answer)
            next = try socket.receiveRequest(ofAtMost: request.count)
        } while !next.isEmpty
    }

    static func eventFrame() throws -> [UInt8] {
        let arguments = try ValueFormat.nativeCBOR.encodeArgument(NewCount(count: count))
        return frame { codec.writeEvent(name: NewCount.eventName, arguments: arguments, to: &$0) }
    }

    private static func frame(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        write(&buffer)
        let message = buffer.withUnsafeBytes { Array($0) }
        return ReferenceFrames.head(size: message.count) + message
    }
}

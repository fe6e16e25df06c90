// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Synchronization

/// A client of plain bytes: what it writes and reads are literals, so it shares no code with the engine that it tests.
final class PlainPeer: ByteHandler, Sendable {
    struct Ended: Error {
        let end: StreamEnding
        let unread: [UInt8]
    }

    struct Response {
        let status: Int
        let statusLine: String
        /// Names in lower case, in order.
        let fields: [(name: String, value: String)]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
    }

    struct Frame: Equatable {
        let opcode: UInt8
        let payload: [UInt8]

        var text: String { String(decoding: payload, as: UTF8.self) }
        static func binary(_ payload: [UInt8]) -> Frame { Frame(opcode: 2, payload: payload) }
        static func text(_ text: String) -> Frame { Frame(opcode: 1, payload: Array(text.utf8)) }
        static func close(_ code: UInt16, _ reason: String = "") -> Frame {
            Frame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
        }
    }

    private struct State {
        var received: [UInt8] = []
        var end: StreamEnding?
        var changed = Signal()
    }

    private let state = Mutex(State())
    private let lane: Lane
    private let stream: any ByteStream

    private init(lane: Lane, stream: any ByteStream) {
        self.lane = lane
        self.stream = stream
    }

    /// Connects to an engine on the transport of `kind`; ends when `body` has.
    @discardableResult
    static func with<R>(
        _ engine: LocalEngine,
        _ kind: StreamPair.Kind? = nil,
        _ body: (PlainPeer) async throws -> R
    ) async throws -> R {
        let lane = Lane(label: "plain peer")
        let dialer = kind?.dialer ?? engine.transport.dialer
        let time = TimeSource(ContinuousClock())
        let stream: any ByteStream
        do {
            stream = try await dialer.dial(.init(host: "127.0.0.1", port: engine.port, lane: lane, time: time))
        } catch {
            await lane.shutDown()
            throw error
        }
        let peer = PlainPeer(lane: lane, stream: stream)
        lane.run { stream.setHandler(peer) }
        let result: Result<R, any Error>
        do {
            result = .success(try await body(peer))
        } catch {
            result = .failure(error)
        }
        lane.run { stream.close() }
        await lane.shutDown()
        return try result.get()
    }

    // MARK: ByteHandler

    func received(_ bytes: ByteChunk) { change { $0.received.append(contentsOf: bytes) } }
    func receivedAll() {}
    func writable() {}
    func ended(_ end: StreamEnding) { change { $0.end = end } }

    private func change(_ body: (inout State) -> Void) {
        let signal = state.withLock { state in
            body(&state)
            defer { state.changed = Signal() }
            return state.changed
        }
        signal.set()
    }

    // MARK: Out

    func send(_ bytes: [UInt8]) {
        lane.run { [stream] in stream.write { $0.append(bytes) } }
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// With our end in the same piece.
    func sendLast(_ text: String) {
        lane.run { [stream] in
            stream.write { $0.append(text.utf8) }
            stream.finishWriting()
        }
    }

    /// Sends a masked frame.
    func send(_ frame: Frame, masked: Bool = true, first: UInt8? = nil) {
        let count = frame.payload.count
        var bytes: [UInt8] = [first ?? (0x80 | frame.opcode)]
        let mask: UInt8 = masked ? 0x80 : 0
        switch count {
        case 0..<126: bytes.append(mask | UInt8(count))
        case 126..<65_536: bytes += [mask | 126, UInt8(count >> 8), UInt8(count & 0xFF)]
        default: bytes += [mask | 127] + (0..<8).map { UInt8(count >> (56 - 8 * $0) & 0xFF) }
        }
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        if masked { bytes += key }
        bytes += frame.payload.enumerated().map { masked ? $1 ^ key[$0 % 4] : $1 }
        send(bytes)
    }

    func finishWriting() { lane.run { [stream] in stream.finishWriting() } }
    func close() { lane.run { [stream] in stream.close() } }
    func suspendReading() { lane.run { [stream] in stream.suspendReading() } }
    func resumeReading() { lane.run { [stream] in stream.resumeReading() } }

    /// What was sent and has not left.
    var pendingOutput: Int {
        get async { await lane.value { [stream] in $0.resume(returning: stream.pendingOutput) } }
    }

    // MARK: In

    var receivedSoFar: [UInt8] { state.withLock { $0.received } }
    var hasEnded: Bool { state.withLock { $0.end != nil } }

    func read(_ count: Int) async throws -> [UInt8] {
        try await readSome { $0.count >= count ? count : nil }
    }

    func readUntil(_ end: String) async throws -> String {
        let end = Array(end.utf8)
        let bytes = try await readSome { received in
            received.indices.first { received[$0...].starts(with: end) }.map { $0 + end.count }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func readSome(_ size: ([UInt8]) -> Int?) async throws -> [UInt8] {
        while true {
            let (taken, end, changed): ([UInt8]?, StreamEnding?, Signal) = state.withLock { state in
                guard let count = size(state.received) else { return (nil, state.end, state.changed) }
                defer { state.received.removeFirst(count) }
                return (Array(state.received.prefix(count)), nil, state.changed)
            }
            if let taken { return taken }
            if let end { throw Ended(end: end, unread: receivedSoFar) }
            try Task.checkCancellation()
            await changed.wait()
        }
    }

    /// Waits for the end, and gives what came before it.
    func readToEnd() async throws -> (bytes: [UInt8], end: StreamEnding) {
        do {
            _ = try await readSome { _ in nil }
            return ([], .finished)
        } catch let ended as Ended {
            return (ended.unread, ended.end)
        }
    }

    func response(hasBody: Bool = true) async throws -> Response {
        let head = try await readUntil("\r\n\r\n")
        let lines = head.split(separator: "\r\n").map(String.init)
        let fields = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (name: line[..<colon].lowercased(), value: String(line[colon...].dropFirst(2)))
        }
        let length = fields.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        return Response(
            status: Int(lines[0].split(separator: " ")[1]) ?? 0,
            statusLine: lines[0],
            fields: fields,
            body: hasBody ? try await read(length) : []
        )
    }

    /// The next chunk of a body; empty for the last, which has no trailers.
    func chunk() async throws -> String {
        let size = try await readUntil("\r\n")
        let bytes = try await read((Int(size.filter(\.isHexDigit), radix: 16) ?? 0) + 2)
        return String(decoding: bytes.dropLast(2), as: UTF8.self)
    }

    func frame() async throws -> Frame {
        let head = try await read(2)
        var count = Int(head[1] & 0x7F)
        if count > 125 { count = try await read(count == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) } }
        return Frame(opcode: head[0] & 0xF, payload: try await read(count))
    }

    // MARK: Usual requests

    func request(
        _ method: String,
        _ target: String,
        _ fields: [String: String] = [:],
        body: [UInt8] = []
    ) async throws -> Response {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1:6420\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        if !body.isEmpty { head += "Content-Length: \(body.count)\r\n" }
        send(Array((head + "\r\n").utf8) + body)
        return try await response(hasBody: method != "HEAD")
    }

    /// The id of the actor of this name and key.
    func getOrCreate(_ name: String, _ key: String = "my-counter") async throws -> String {
        let body = #"{"name":"\#(name)","key":"\#(key)","runner_name_selector":"default","crash_policy":"sleep"}"#
        let answer = try await request("PUT", "/actors?namespace=default", body: Array(body.utf8)).text
        let start = answer.firstRange(of: #""actor_id":""#)?.upperBound ?? answer.startIndex
        return String(answer[start...].prefix(30))
    }

    func upgrade(
        _ target: String,
        subprotocols: String? = "rivet, rivet_encoding.bare",
        fields: [String: String] = [:],
        version: String = "13"
    ) async throws -> Response {
        var head = "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1:6420\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += "Sec-WebSocket-Version: \(version)\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        if let subprotocols { head += "Sec-WebSocket-Protocol: \(subprotocols)\r\n" }
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        send(head + "\r\n")
        return try await response()
    }

    /// Connects to an actor, and gives the connection's id.
    @discardableResult
    func connect(_ actor: String, _ encoding: String = "json") async throws -> Frame {
        _ = try await upgrade("/gateway/\(actor)/connect", subprotocols: "rivet, rivet_encoding.\(encoding)")
        return try await frame()
    }
}

extension StreamPair.Kind {
    /// That of an engine that is reached in this way.
    var transport: LocalEngine.Transport { self == .memory ? .memory : .loopback(port: 0) }

    /// That of a client that reaches `engine` in this way.
    func configuration(for engine: LocalEngine) async throws -> RivetConfiguration {
        guard self == .tls else { return try RivetConfiguration(endpoint: engine.endpoint) }
        let terminator = try await TerminatedDialer.terminator.value
        var configuration = try RivetConfiguration(endpoint: "https://127.0.0.1:\(terminator.port)")
        configuration.tls = terminator.options(forwardingTo: engine.port)
        return configuration
    }
}

extension LocalEngine {
    nonisolated var port: Int { Int(endpoint.split(separator: ":").last ?? "") ?? 0 }
}

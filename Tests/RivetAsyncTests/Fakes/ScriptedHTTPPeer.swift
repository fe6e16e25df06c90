// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// The other end of HTTP connections, on a memory network: each connection plays its script, whatever is asked.
final class ScriptedHTTPPeer: Sendable {
    enum Step: Sendable {
        /// Waits for a whole request.
        case request
        /// Waits for the head of a request, and leaves its body unread.
        case requestHead
        case send([UInt8])
        /// Sends the bytes again and again, as fast as they are taken.
        case sendForEver([UInt8])
        case close
        case reset
        /// Reads nothing any more, not even the end.
        case stall
        /// Waits for the test to say so.
        case pause(Signal)

        static func send(_ text: String) -> Step { .send(Array(text.utf8)) }
    }

    struct Request: Sendable, Equatable {
        var connection: Int
        var head: HTTPRequestHead
        var body: [UInt8] = []
    }

    /// What has been seen so far.
    struct Seen: Sendable {
        var connections = 0
        var ended = 0
        var stalled = 0
        var requests: [Request] = []
        /// Bytes that the connections took from `sendForEver`.
        var sent = 0
    }

    private let scripts: [[Step]]
    private let state = Monitor(Seen(), gauge: ResourceGauge())

    /// Connections beyond the scripts answer every request with `200` and the body `ok`.
    init(_ scripts: [[Step]]) {
        self.scripts = scripts
    }

    var seen: Seen { state.access { $0 } }

    /// What was seen once it satisfies `condition`, or by then when the test's time is over.
    func until(_ condition: @escaping @Sendable (Seen) -> Bool) async -> Seen {
        await state.first { condition($0) ? $0 : nil } ?? seen
    }

    fileprivate func note(_ change: (inout Seen) -> Void) { state.update(change) }

    /// To be given to a listener.
    func accept(_ stream: MemoryStream) {
        let number = seen.connections
        let script = number < scripts.count ? scripts[number] : Self.standardScript
        let handler = Conversation(self, number: number, stream, script)
        note { $0.connections += 1 }
        stream.setHandler(handler)
        handler.advance()
    }

    static let ok = Step.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    private static let standardScript = Array(repeating: [Step.request, ok], count: 100).flatMap { $0 }

    /// One connection.
    ///
    /// `@unchecked Sendable`: touched on the lane only.
    private final class Conversation: ByteHandler, @unchecked Sendable {
        private let peer: ScriptedHTTPPeer
        private let number: Int
        private let stream: MemoryStream
        private var script: ArraySlice<Step>
        private var decoder = HTTPRequestDecoder()
        private var request: Request?
        private var received: [Request] = []
        private var isPaused = false
        private var hasEnded = false

        init(_ peer: ScriptedHTTPPeer, number: Int, _ stream: MemoryStream, _ script: [Step]) {
            self.peer = peer
            self.number = number
            self.stream = stream
            self.script = script[...]
        }

        func advance() {
            while !isPaused, let step = script.first {
                switch step {
                case .request:
                    guard !received.isEmpty else { return }
                    received.removeFirst()
                case .requestHead:
                    guard request != nil || !received.isEmpty else { return }
                case .send(let bytes): stream.write { $0.append(bytes) }
                case .sendForEver(let bytes):
                    while stream.pendingOutput <= OutputMarks.high, !hasEnded {
                        let before = stream.pendingOutput
                        stream.write { $0.append(bytes) }
                        // Nothing is taken when the other end has gone; that is told later.
                        guard stream.pendingOutput > before else { return }
                        peer.note { $0.sent += bytes.count }
                    }
                    return
                case .close:
                    stream.finishWriting()
                case .reset:
                    end()
                    stream.closeWithReset()
                case .stall:
                    stream.isStalled = true
                    peer.note { $0.stalled += 1 }
                case .pause(let signal):
                    isPaused = true
                    Task {
                        await signal.wait()
                        self.stream.lane.run {
                            self.isPaused = false
                            self.advance()
                        }
                    }
                }
                script.removeFirst()
            }
        }

        func received(_ bytes: ByteChunk) {
            var position = 0
            while let event = try? decoder.next(in: bytes, from: &position) {
                switch event {
                case .head(let head): request = Request(connection: number, head: head)
                case .body(let slice): request?.body += Array(slice)
                case .end:
                    guard let whole = request.take() else { break }
                    received.append(whole)
                    peer.note { $0.requests.append(whole) }
                }
                if case .requestHead? = script.first {
                    advance()
                    if stream.isStalled { return }
                }
            }
        }

        func receivedAll() { advance() }
        func writable() { advance() }

        func ended(_ end: StreamEnding) {
            self.end()
            stream.close()
        }

        private func end() {
            if !hasEnded { peer.note { $0.ended += 1 } }
            hasEnded = true
        }
    }
}

/// A pool on a memory network with a scripted peer at its other end, and everything that must be zero afterwards.
final class HTTPPoolFixture: Sendable {
    let peer: ScriptedHTTPPeer
    let pool: HTTPConnectionPool
    let clock = TestClock()
    let time: TimeSource
    let origin: HTTPOrigin
    let gauge = ResourceGauge()
    let root: RootTask
    private let lanes: LaneGroup

    init(_ scripts: [[ScriptedHTTPPeer.Step]] = [], limits: HTTPConnectionPool.Limits = .init()) throws {
        let peer = ScriptedHTTPPeer(scripts)
        let time = TimeSource(clock)
        let lanes = LaneGroup(count: 2, gauge: gauge)
        let network = MemoryNetwork()
        let port = try network.listen(lanes: lanes) { peer.accept($0) }
        let root = RootTask(gauge: gauge)
        let scheduler = DeadlineScheduler(time: time)
        root.add { await scheduler.run() }
        self.peer = peer
        self.time = time
        self.lanes = lanes
        self.root = root
        origin = HTTPOrigin(host: "engine.test", port: port, isSecure: false)
        pool = HTTPConnectionPool(
            limits: limits,
            lanes: lanes,
            root: root,
            time: time,
            scheduler: scheduler,
            gauge: gauge
        ) { origin, lane, _ in
            try await MemoryDialer(network: network)
                .dial(.init(host: origin.host, port: origin.port, lane: lane, time: time))
        }
    }

    /// A GET, answered as text.
    func get(
        _ target: String = "/",
        deadline: TimePoint? = nil,
        isIdempotent: Bool = false
    ) async throws(HTTPCallError) -> String {
        let answer = try await pool.execute(
            HTTPRequestHead(target: target),
            to: origin,
            deadline: deadline,
            collectingUpTo: 1 << 20,
            isIdempotent: isIdempotent
        )
        return String(decoding: answer.body, as: UTF8.self)
    }

    var counts: [Int] {
        let counts = pool.counts(of: origin)
        return [counts.all, counts.idle, counts.waiting]
    }

    /// What is left of the pool's connections, and of all else.
    struct Left: Equatable {
        var connections = [0, 0, 0]
        var resources = ResourceGauge.Counts.zero
    }

    /// Returns when what was written before has been read, and what was done about that has been read too, and so on.
    func settle() async {
        for _ in 0..<4 {
            for lane in lanes.lanes { await lane.untilTurnEnds() }
        }
    }

    /// Closes everything and returns what is left.
    func close() async -> Left {
        await pool.close()
        root.cancel()
        await root.wait()
        await lanes.shutDown()
        return Left(connections: counts, resources: gauge.counts)
    }

    static let nothing = Left()
}

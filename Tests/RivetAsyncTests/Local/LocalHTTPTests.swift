// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// What any HTTP server has to take (RFC 9110, 9112, 6455).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LocalHTTPTests {
    private func withSite(
        clock: TestClock = TestClock(),
        limits: LocalEngine.Limits = .init(),
        isAnswering: Signal = Signal(),
        _ body: (PlainPeer, String) async throws -> Void
    ) async throws {
        try await withEngine(clock: clock, limits: limits) {
            $0.actor(LocalCounter.self, state: 0) { counter in
                LocalCounter.define(&counter)
                counter.onRequest { request, _ in
                    let path = Array(request.path.utf8)
                    isAnswering.set()
                    return LocalResponse(
                        status: 201,
                        fields: ["x-method": request.method],
                        body: request.path == "/large" ? [UInt8](repeating: 0x61, count: 1 << 20) : path
                    )
                }
            }
        } _: { engine in
            try await PlainPeer.with(engine) { peer in try await body(peer, try await peer.getOrCreate("counter")) }
        }
    }

    // MARK: Absolute form

    @Test(arguments: [
        "http://127.0.0.1:6420/gateway/ID/health", "HTTP://proxy.example/gateway/ID/health",
        "https://user@[::1]:1/gateway/ID/health", "http://any.host/gateway/ID/request/x?y=http://z",
    ])
    func aTargetInAbsoluteForm(_ target: String) async throws {
        try await withSite { (peer, id) async throws in
            let answer = try await peer.request("GET", target.replacing("ID", with: id))
            #expect(answer.text == (target.contains("request") ? "/x?y=http://z" : "ok"))
            // Not only the first.
            #expect(try await peer.request("GET", "http://h/metadata").status == 200)
            #expect(try await peer.upgrade("http://h/gateway/\(id)/connect").status == 101)
        }
    }

    @Test func anAbsoluteTargetWithoutAPath() async throws {
        try await withSite { (peer, _) async throws in
            #expect(try await peer.request("GET", "http://h").status == 404)
            #expect(try await peer.request("GET", "http://h?x=/metadata").status == 404)
        }
    }

    @Test(arguments: [
        "http://", "http:///metadata", "http://?x", "http://:80/metadata", "http://user@/metadata", "ftp://h/metadata",
        "metadata", "http:/metadata", "://h/metadata", "h:80",
    ])
    func aTargetThatIsNone(_ target: String) async throws {
        try await withSite { (peer, _) async throws in
            #expect(try await peer.request("GET", target).status == 400)
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    // MARK: The last answer

    enum ClientEnds: CaseIterable { case not, withTheRequest, whileItReads }

    @Test(arguments: ClientEnds.allCases) func aLargeLastAnswerIsNotCut(clientEnds: ClientEnds) async throws {
        let (clock, isAnswering) = (TestClock(), Signal())
        try await withSite(clock: clock, limits: .unhurried, isAnswering: isAnswering) { (peer, id) async throws in
            let last = clientEnds == .not ? "Connection: close\r\n" : ""
            peer.suspendReading()
            peer.send("GET /gateway/\(id)/request/large HTTP/1.1\r\nHost: h\r\n\(last)\r\n")
            if clientEnds == .withTheRequest { peer.finishWriting() }
            await isAnswering.wait()
            for _ in 0..<20 { await clock.advance(by: .seconds(1)) }
            if clientEnds == .whileItReads { peer.finishWriting() }
            for _ in 0..<20 { await clock.advance(by: .seconds(1)) }
            peer.resumeReading()
            try await until {
                await clock.advance(by: .seconds(1))
                return peer.hasEnded
            }
            // Behind the head.
            let all = try await peer.readToEnd().bytes
            #expect(all.count > 1 << 20, "\(String(decoding: all.prefix(700), as: UTF8.self))")
        }
    }

    @Test func aClientThatEndsBehindWhatItExpectsGetsItsAnswer() async throws {
        try await withSite { (peer, id) async throws in
            let head = "POST /gateway/\(id)/request/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
            peer.sendLast(head + "Expect: 100-continue\r\n\r\na")
            #expect(try await peer.response(hasBody: false).status == 100)
            #expect(try await peer.response().status == 201)
        }
    }

    // MARK: HEAD

    @Test(arguments: [
        "/metadata", "/actors?name=counter&namespace=default", "/actors?name=counter", "/no-such-path",
        "/gateway/ID/health", "/gateway/ID/metadata", "/gateway/ID", "/gateway/ID/no-such-route",
        "/gateway/ID/action/getCount", "/gateway/ID/request/x", "/gateway/nobody/health",
    ])
    func headIsGetWithoutTheBody(_ target: String) async throws {
        try await withSite { (peer, id) async throws in
            let target = target.replacing("ID", with: id)
            let get = try await peer.request("GET", target)
            let head = try await peer.request("HEAD", target)
            #expect(head.statusLine == get.statusLine)
            let others = ["x-rivet-ray-id", "date", "content-length", "x-method"]
            for field in get.fields where !others.contains(field.name) {
                #expect(head[field.name] == field.value, "\(field.name)")
            }
            // An error that names the method is as much longer.
            if !target.contains("/action/") { #expect(head["content-length"] == "\(get.body.count)") }
            if target.contains("/request/") { #expect(head["x-method"] == "HEAD") }
            // Nothing stands where the next answer begins.
            #expect(try await peer.request("GET", target).body == get.body)
        }
    }

    // MARK: The WebSocket's version

    @Test(arguments: ["8", "14", "", "13, 8", "thirteen"])
    func anotherVersionOfTheWebSocketProtocol(_ version: String) async throws {
        try await withSite { (peer, id) async throws in
            let answer = try await peer.upgrade("/gateway/\(id)/connect", version: version)
            #expect(answer.statusLine == "HTTP/1.1 426 Upgrade Required")
            #expect(answer["sec-websocket-version"] == "13")
            #expect(answer["upgrade"] == "websocket")
            #expect(answer["connection"] == "Upgrade")
            #expect(answer["x-rivet-ray-id"]?.count == 30)
            // The client may try again on the same connection.
            #expect(try await peer.upgrade("/gateway/\(id)/connect").status == 101)
        }
    }
}

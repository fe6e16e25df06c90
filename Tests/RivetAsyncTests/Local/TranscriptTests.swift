// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// The protocol's transcript (PROTOCOL l) from the server's side: literal bytes, over sockets and over memory.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TranscriptTests {
    @Test(arguments: [LocalEngine.Transport.memory, .loopback(port: 0)])
    func theServersSideOfTheTranscript(_ transport: LocalEngine.Transport) async throws {
        try await withEngine(transport: transport) {
            $0.actor(LocalCounter.self, state: 0, LocalCounter.define)
        } _: { engine in
            try await PlainPeer.with(engine) { peer in try await conversation(peer) }
        }
    }

    private func conversation(_ peer: PlainPeer) async throws {
        // 1. Get or create.
        let created = try await peer.request(
            "PUT",
            "/actors?namespace=default",
            ["Content-Type": "application/json"],
            body: Array(
                #"{"name":"counter","key":"my-counter","runner_name_selector":"default","crash_policy":"sleep"}"#.utf8
            )
        )
        #expect(created.statusLine == "HTTP/1.1 200 OK")
        #expect(created["content-type"] == "application/json")
        #expect(created["x-rivet-ray-id"]?.count == 30)
        let actor = String(created.text.dropFirst(#"{"actor":{"actor_id":""#.count).prefix(30))
        let namespace = String(created.text.split(separator: #""namespace_id":""#)[1].prefix(30))
        let time = String(created.text.split(separator: #""create_ts":"#)[1].prefix(13))
        #expect(
            created.text
                == #"{"actor":{"actor_id":"\#(actor)","name":"counter","key":"my-counter","namespace_id":"\#(namespace)","#
                + #""datacenter":"default","runner_name_selector":"default","crash_policy":"sleep","create_ts":\#(time),"#
                + #""start_ts":null,"pending_allocation_ts":null,"connectable_ts":null,"sleep_ts":null,"#
                + #""reschedule_ts":null,"destroy_ts":null},"created":true}"#
        )

        // 2. Action over HTTP.
        let answer = try await peer.request(
            "POST",
            "/gateway/\(actor)/action/increment",
            ["x-rivet-encoding": "bare", "Content-Type": "application/octet-stream"],
            body: [0x04, 0x00, 0x02, 0x81, 0x01]
        )
        #expect(answer.statusLine == "HTTP/1.1 200 OK")
        #expect(answer.body == [0x04, 0x00, 0x01, 0x01])
        #expect(answer["content-type"] == "application/octet-stream")
        #expect(answer["x-rivet-actor"] == actor)
        #expect(answer["x-rivet-actor-generation"] == "1")
        #expect(answer["x-rivet-actor-key"] == "my-counter")
        #expect(answer["content-length"] == "4")
        #expect(answer["date"]?.hasSuffix(" GMT") == true)

        // 3. Connect, on the same TCP connection.
        let switched = try await peer.upgrade("/gateway/\(actor)/connect")
        #expect(switched.statusLine == "HTTP/1.1 101 Switching Protocols")
        let head = switched.fields.prefix(4).map { "\($0.name): \($0.value)" }
        #expect(
            head == [
                "connection: upgrade", "upgrade: websocket", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                "sec-websocket-protocol: rivet",
            ]
        )
        #expect(switched.fields.map(\.name)[4...] == ["x-rivet-ray-id", "date"])
        let initial = try await peer.frame()
        #expect(initial.opcode == 2)
        #expect(Array(initial.payload.prefix(34)) == [0x04, 0x00, 0x00, 0x1E] + Array(actor.utf8))
        #expect(initial.payload.dropFirst(34).first == 0x24)
        #expect(initial.payload.count == 71)

        // 4. and 5. Subscribe, then act; the event comes before the answer.
        peer.send(.binary([0x04, 0x00, 0x01, 0x08] + Array("newCount".utf8) + [0x01]))
        peer.send(.binary([0x04, 0x00, 0x00, 0x00, 0x09] + Array("increment".utf8) + [0x02, 0x81, 0x02]))
        let event: [UInt8] = [0x04, 0x00, 0x03, 0x08] + Array("newCount".utf8) + [0x02, 0x81, 0x03]
        #expect(try await peer.frame() == .binary(event))
        #expect(try await peer.frame() == .binary([0x04, 0x00, 0x02, 0x00, 0x01, 0x03]))

        // 6. An error.
        peer.send(.binary([0x04, 0x00, 0x00, 0x01, 0x04] + Array("nope".utf8) + [0x01, 0x80]))
        var error: [UInt8] = [0x04, 0x00, 0x01, 0x05] + Array("actor".utf8) + [0x10] + Array("action_not_found".utf8)
        error += [0x1C] + Array("Action `nope` was not found.".utf8) + [0x00, 0x01, 0x01, 0x01, 0x1E]
        error += Array(actor.utf8) + [0x01, 0x01, 0x0A] + Array("my-counter".utf8)
        #expect(try await peer.frame() == .binary(error))

        // 7. Close.
        peer.send(.close(1000))
        #expect(try await peer.frame() == .close(1000))
        #expect(try await peer.readToEnd().end == .finished)
    }
}

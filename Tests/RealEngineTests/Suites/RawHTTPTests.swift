// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// Plain HTTP to an actor's own handler.
    @Suite struct RawHTTPTests {
        @Test("the actor sees the request as it was made", arguments: EngineRow.once)
        func request(_ row: EngineRow) async throws {
            try await row.run { check in
                let raw = check.actor(Raw.self)
                let fields: HTTPFields = ["x-mine": "yes", "content-type": "text/plain"]
                let response = try await raw.fetch(
                    ActorRequest("a/b%20c?x=1&y=%26", method: "PATCH", fields: fields, body: .bytes("body".utf8))
                )
                #expect(response.status == 200)
                #expect(response.fields["x-own"] == "yes")
                let saw = try await response.decodeJSON(Raw.Saw.self)
                #expect(saw.method == "PATCH")
                #expect(saw.path == "/a/b%20c")
                #expect(saw.query == "?x=1&y=%26")
                #expect(saw.bodyLength == 4)
                #expect(saw.header("x-mine") == ["yes"])
                #expect(saw.header("content-type") == ["text/plain"])
                // B228: the token, where there is one, stands in the URL and not in a field that the actor sees.
                #expect(saw.header("authorization") == [])
                #expect(saw.header("x-rivet-token") == [])
                let root = try await raw.fetch(ActorRequest("?x=1")).decodeJSON(Raw.Saw.self)
                #expect(root.path == "/")
                #expect(root.query == "?x=1")
            }
        }

        @Test(
            "B229: the status is the actor's own",
            arguments: EngineRow.once,
            [200, 201, 204, 302, 404, 418, 500, 503]
        )
        func status(_ row: EngineRow, _ status: Int) async throws {
            try await row.run { check in
                let response = try await check.actor(Raw.self).fetch(ActorRequest("status/\(status)"))
                #expect(response.status == status)
                let text = String(decoding: try await response.body.collect(), as: UTF8.self)
                #expect(text == (status == 204 ? "" : "status \(status)"))
            }
        }

        @Test("B184: of several fields of one name the last comes through, both ways", arguments: EngineRow.once)
        func fields(_ row: EngineRow) async throws {
            try await row.run { check in
                let raw = check.actor(Raw.self)
                let twice = try await raw.fetch(ActorRequest("twice"))
                #expect(twice.fields.filter { $0.name == "set-cookie" }.map(\.value) == ["b=2"])
                var request = ActorRequest("see")
                request.fields.append(.init("x-several", "1"))
                request.fields.append(.init("x-several", "2"))
                let saw = try await raw.fetch(request).decodeJSON(Raw.Saw.self)
                #expect(saw.header("x-several") == ["2"])
            }
        }

        @Test("20 MB down and up", arguments: EngineRow.once)
        func large(_ row: EngineRow) async throws {
            let size = 20 << 20
            try await row.run { check in
                let raw = check.actor(Raw.self)
                // Under a sanitizer on a busy machine it takes more than the usual 30 s.
                let patient = CallOptions(timeout: .seconds(110))
                let down = try await raw.fetch(ActorRequest("big?n=\(size)"), patient)
                var count = 0
                do {
                    for try await chunk in down.body { count += chunk.count }
                    #expect(count == size)
                } catch let error as RivetError where !row.isLocal && RealEngine.streams {
                    // Rivet's streaming gateway breaks off what its reader does not take at once; nobody takes it for all.
                    #expect(error.code == .connectionLost)
                    #expect(count < size)
                }
                let bytes = [UInt8](repeating: 7, count: size)
                let saw = try await raw.fetch(ActorRequest("up", method: "PUT", body: .bytes(bytes)), patient)
                    .decodeJSON(Raw.Saw.self)
                #expect(saw.bodyLength == size)
            }
        }

        @Test("an upload over 20 MiB is refused", arguments: EngineRow.once)
        func tooLarge(_ row: EngineRow) async throws {
            try await row.run { check in
                let bytes = [UInt8](repeating: 7, count: (20 << 20) + 1)
                let error = await #expect(throws: RivetError.self) {
                    _ = try await check.actor(Raw.self).fetch(ActorRequest("up", method: "PUT", body: .bytes(bytes)))
                }
                #expect(error?.matches("guard", "invalid_request_body") == true, "\(String(describing: error))")
            }
        }

        @Test("server-sent events, in one piece or in many", arguments: EngineRow.once)
        func events(_ row: EngineRow) async throws {
            try await row.run { check in
                let response = try await check.actor(Raw.self).fetch(ActorRequest("events?ms=50"))
                #expect(response.fields["content-type"] == "text/event-stream")
                var pieces = 0
                var bytes: [UInt8] = []
                for try await chunk in response.body {
                    pieces += 1
                    bytes += chunk
                }
                #expect(String(decoding: bytes, as: UTF8.self) == Raw.events)
                if !row.differs(.streaming), RealEngine.streams { #expect(pieces > 1) }
            }
        }

        @Test("an upload of unknown length, in one piece or in many", arguments: EngineRow.once)
        func upload(_ row: EngineRow) async throws {
            try await row.run { check in
                let chunks = AsyncStream<ByteChunk> { continuation in
                    for size in [1, 20, 300] { continuation.yield(ByteChunk([UInt8](repeating: 7, count: size))) }
                    continuation.finish()
                }
                let request = ActorRequest("pieces", method: "POST", body: .stream(chunks))
                let answer = try await check.actor(Raw.self).fetch(request).body.collect()
                // A line for each piece: its size, and when it came.
                let sizes = String(decoding: answer, as: UTF8.self).split(separator: "\n").map { line in
                    Int(line.split(separator: " ").first ?? "") ?? 0
                }
                #expect(sizes.reduce(0, +) == 321)
            }
        }

        @Test("a handler that throws is Rivet's answer", arguments: EngineRow.once)
        func thrown(_ row: EngineRow) async throws {
            try await row.run { check in
                let raw = check.actor(Raw.self)
                for (kind, group, code) in [("userCode", "user", "declined"), ("plain", "rivetkit", "internal_error")] {
                    let error = await #expect(throws: RivetError.self) {
                        try await raw.fetch(ActorRequest("throw?kind=\(kind)"))
                    }
                    #expect(error?.matches(group, code) == true, "\(String(describing: error))")
                    #expect(error?.remote?.httpStatus == 500)
                }
            }
        }

        @Test("an actor without a handler is 404 with an empty body", arguments: EngineRow.once)
        func noHandler(_ row: EngineRow) async throws {
            try await row.run { check in
                let response = try await check.actor(Counter.self).fetch(ActorRequest("anything"))
                #expect(response.status == 404)
                #expect(try await response.body.collect() == [])
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync
import RivetAsyncLocal
import Testing

/// What Rivet's own clients said to a running engine is read by the local one: no message and no body is refused.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RecordedClientTests {
    struct Recording: Sendable, CustomTestStringConvertible {
        let name: String
        var testDescription: String { name }
        var encoding: String { name.split(separator: "-").last.map(String.init) ?? "" }
    }

    static let recordings: [Recording] = {
        let folder = VectorFile.folder.appending(path: "recorded")
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".json") }.sorted().map { Recording(name: String($0.dropLast(5))) }
    }()

    @Test func allAreThere() { #expect(Self.recordings.count == 31) }

    @Test(arguments: recordings)
    func everyMessageIsRead(_ recording: Recording) async throws {
        let all = VectorFile.recording(recording.name)
        let steps = all.filter { $0["from"]?.text == "client" }
        let frames = steps.filter { $0["kind"]?.text == "ws-frame" && [1, 2].contains($0["opcode"]?.int ?? 0) }
        try await ProbeEngine().run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            // Raw sockets carry what their actors want, not Rivet's messages.
            if !recording.name.hasPrefix("scripted-raw"), !frames.isEmpty {
                try await expectNoClose(frames, to: actor, recording.encoding, peer)
            }
        }
        try await ProbeEngine().run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            for step in steps where step["kind"]?.text == "http-request" {
                let message = unhex(step["hex"]?.text ?? "")
                let head = String(decoding: message.prefix { $0 < 0x80 }, as: UTF8.self)
                guard let range = head.firstRange(of: "/gateway/"), !head.contains("Upgrade: websocket"),
                    head.contains("/action/") || head.contains("/queue/"), head.hasPrefix("POST")
                else { continue }
                // By id and by query alike: the same request to the probe.
                let id = head[range.upperBound...].prefix { $0 != "/" }
                guard id.count == 30 else { continue }
                let bytes = hex(message).replacing(hex(id.utf8), with: hex(actor.utf8))
                peer.send(unhex(bytes))
                let answer = try await peer.response()
                #expect(answer["x-rivet-actor"] == actor)
                // What Rivet refused is refused here too: a body too large, and one that does not decode.
                let recorded = all.first { $0["from"]?.text == "server" && $0["conn"] == step["conn"] }
                let text = String(decoding: unhex(recorded?["hex"]?.text ?? ""), as: UTF8.self)
                // Not by the gateway, whose 400 says that the actor of the recording was gone.
                let wasRefused = text.hasPrefix("HTTP/1.1 400") && text.contains("x-rivet-actor:")
                #expect((answer.status == 400) == wasRefused, "\(head.prefix { $0 != "\r" }): \(answer.text)")
            }
        }
    }

    private func expectNoClose(
        _ frames: [FileValue],
        to actor: String,
        _ encoding: String,
        _ peer: PlainPeer
    ) async throws {
        try await peer.connect(actor, encoding)
        for frame in frames {
            peer.send(
                PlainPeer.Frame(opcode: UInt8(frame["opcode"]?.int ?? 2), payload: unhex(frame["hex"]?.text ?? ""))
            )
        }
        // A bad message would have closed the connection before this one is answered.
        let last: PlainPeer.Frame =
            switch encoding {
            case "json": Wire.call(7_777, "echo", #""the last""#)
            case "cbor":
                .binary(
                    unhex(
                        "a164626f6479a2637461676d416374696f6e526571756573746376616ca3626964191e61646e616d65646563686f"
                            + "64617267738168746865206c617374"
                    )
                )
            default: .binary(unhex("040000e13c046563686f0a8168746865206c617374"))
            }
        peer.send(last)
        while true {
            let answer = try await peer.frame()
            guard answer.opcode != 8 else {
                // The probe has an action `kick` too.
                #expect(Array(answer.payload.prefix(2)) == [0x03, 0xE8], "\(answer.text)")
                return
            }
            if answer.text.contains("the last") { return }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Messages of a connection that are not what somebody waits for.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionMessageTests {
    typealias Server = AnsweringServer

    /// The same event, wanted as a number.
    struct Numbers: ActorEvent {
        typealias Source = ProbeActor
        static var eventName: String { ProbeActor.Said.eventName }
        static var argumentStyle: ArgumentStyle { .positional }
        var number: Int
    }

    @Test("B112: an event that does not decode is a gap for its own stream only", arguments: Server.encodings)
    func undecodable(_ encoding: RivetConfiguration.Encoding) async throws {
        try await DurationTests.run {
            $0.encoding = encoding
        } _: { setting in
            let connection = setting.probe.connect()
            var numbers = connection.events(of: Numbers.self).deliveries.makeAsyncIterator()
            var plain = connection.events(named: "said", as: (Int).self).makeAsyncIterator()
            var texts = connection.events(of: ProbeActor.Said.self).deliveries.makeAsyncIterator()
            try await connection.send(ProbeActor.Say(text: "hunter2"))
            try await setting.probe.untyped.action("say", "7")
            guard case .gap(.undecodable(let error))? = try await numbers.next() else {
                Issue.record("no gap")
                return
            }
            #expect(error.code == .decodingFailed)
            #expect(error.message.contains("Numbers"))
            #expect(!"\(error)".contains("hunter2"))
            for text in ["hunter2", "7"] {
                guard case .event(let said)? = try await texts.next() else {
                    Issue.record("no event")
                    return
                }
                #expect(said.text == text)
            }
            guard case .gap(.undecodable)? = try await numbers.next() else {
                Issue.record("no second gap")
                return
            }
            #expect(connection.status.current.name == "connected 1")
            #expect(try await connection.send(ProbeActor.Echo(text: "lives")) == "lives")
            await connection.disconnect()
            #expect(try await numbers.next() == nil)
            // It was passed over, and the loop is not ended by it.
            #expect(await plain.next() == nil)
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String { "\(encoding), \(isFirst ? "Init" : "an event")" }
        let encoding: RivetConfiguration.Encoding
        let isFirst: Bool
    }

    @Test(
        "B123: text on a binary encoding, or binary on json, is a protocol violation",
        arguments: Server.encodings.flatMap { encoding in
            [true, false].map { Row(encoding: encoding, isFirst: $0) }
        }
    )
    func kindOfMessage(_ row: Row) async throws {
        let (right, wrong): (UInt8, UInt8) = row.encoding == .json ? (1, 2) : (2, 1)
        // Text has to be UTF-8, or it would be refused for that.
        let initial = Server.initialMessage(row.encoding)
        let behind =
            row.isFirst
            ? Server.frame(wrong, row.encoding == .cbor ? Array("Init".utf8) : initial)
            : Server.frame(right, initial) + Server.frame(wrong, Array("event".utf8))
        try await CauseTests.run {
            $0.encoding = row.encoding
        } _: { client, server in
            let connection = client.getForID("a", "x").connect()
            var statuses = connection.status.makeAsyncIterator()
            let peer = try await server.accept()
            try await peer.upgrade()
            peer.write(behind)
            var names: [String] = []
            while let status = await statuses.next() {
                names.append(status.name)
                guard case .waiting(let state) = status else { continue }
                #expect(state.cause.code == .protocolViolation)
                let kind = row.encoding == .json ? "binary" : "text"
                #expect(state.cause.message == "a \(kind) message came on a \(row.encoding) connection")
                break
            }
            #expect(names == ["connecting 1"] + (row.isFirst ? [] : ["connected 1"]) + ["waiting 2"])
            let close = try await ClientTranscriptTests.clientFrame(peer)
            #expect(close.first == 0x88)
            #expect(close.payload == [0x03, 0xEA])
        }
    }
}

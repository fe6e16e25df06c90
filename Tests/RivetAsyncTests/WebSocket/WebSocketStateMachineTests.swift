// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WebSocketStateMachineTests {
    private var client = WebSocketStateMachine(.init(role: .client, closeTimeout: .seconds(5)))
    private func at(_ seconds: Int) -> TimePoint { TimePoint(.seconds(seconds)) }

    @Test("B196: text and binary keep kind and bytes") mutating func messagesAreDelivered() {
        #expect(client.actions(for: frame(1, Array("grüß".utf8))) == [.deliverText(chunk("grüß"))])
        #expect(client.actions(for: frame(2, [0xFF, 0])) == [.deliverBinary(ByteChunk([0xFF, 0]))])
        #expect(client.actions(for: frame(1) + frame(2)) == [.deliverText(ByteChunk()), .deliverBinary(ByteChunk())])
    }

    /// One action for all that came in a row, cut by its reader, whatever stands between two rows.
    @Test mutating func messagesInARowComeTogether() {
        let row = frame(2, [1]) + frame(1) + frame(2, [UInt8](repeating: 7, count: 126))
        client.received(ByteChunk(row + frame(9) + frame(1, [0x61]) + frame(2, [3]).dropLast()), now: TimePoint(.zero))
        var sizes: [[Int]] = []
        while let action = client.nextAction() {
            if case .deliver(let messages) = action { sizes.append(messages.map(\.payload.count)) }
            if case .sendPong = action { sizes.append([]) }
        }
        #expect(sizes == [[1, 0, 126], [], [1]])
        #expect(client.actions(for: [3]) == [.deliverBinary(ByteChunk([3]))])
    }

    @Test mutating func fragmentsAreJoinedAroundControlFrames() {
        #expect(client.actions(for: frame(1, [0x61], isFinal: false)) == [])
        #expect(client.actions(for: frame(9, [7])) == [.sendPong(ByteChunk([7]))])
        #expect(client.actions(for: frame(0, [0x62], isFinal: false)) == [])
        #expect(client.actions(for: frame(0, isFinal: false)) == [])
        #expect(client.actions(for: frame(10, [8])) == [.deliverPong(ByteChunk([8]))])
        #expect(client.actions(for: frame(0, [0x63])) == [.deliverText(chunk("abc"))])
        #expect(client.actions(for: frame(1, [0x64])) == [.deliverText(chunk("d"))])
    }

    @Test mutating func charactersMayCrossFragmentsAndChunks() {
        let euro = Array("€".utf8)
        #expect(client.actions(for: frame(1, [euro[0]], isFinal: false)) == [])
        #expect(client.actions(for: frame(0, [euro[1]], isFinal: false)) == [])
        let last = frame(0, [euro[2], 0x21])
        #expect(client.actions(for: Array(last[..<3])) == [])
        #expect(client.actions(for: Array(last[3...])) == [.deliverText(chunk("€!"))])
    }

    @Test mutating func aBadByteReceivedInPlaceFailsBeforeTheFrameIsWhole() throws {
        let bytes = frame(1, [UInt8](repeating: 0x61, count: 200_000))
        #expect(client.actions(for: Array(bytes[..<1_000])) == [])
        var room = client.receiveRoom()
        try #require(room).copyBytes(from: [0x61, 0xC3])
        client.received(inRoom: 2, now: at(1))
        #expect(client.takeActions() == [], "a character may go on in what comes next")
        room = client.receiveRoom()
        try #require(room).copyBytes(from: [0xA9, 0x61, 0xFF])
        client.received(inRoom: 3, now: at(1))
        #expect(
            client.takeActions().prefix(2) == [
                .sendClose(WebSocketClosing(.invalidFramePayloadData)), .report(.failed(.violation(.textNotUTF8))),
            ]
        )
        room = client.receiveRoom()
        #expect(room == nil)
    }

    @Test("B146: a ping is answered with the same bytes, each in its turn") mutating func pings() {
        let bytes = frame(9) + frame(1, [0x61]) + frame(9, [1, 2, 3])
        #expect(
            client.actions(for: bytes) == [
                .sendPong(ByteChunk()), .deliverText(chunk("a")), .sendPong(ByteChunk([1, 2, 3])),
            ]
        )
    }

    @Test("B197: the peer's close is answered, and its code and reason are reported") mutating func peerCloses() {
        let actions = client.actions(for: frame(8, [0x03, 0xE9] + Array("bye".utf8)) + frame(1, [0x61]), now: at(3))
        #expect(
            actions == [
                .sendClose(WebSocketClosing(.goingAway)), .report(.closed(WebSocketClosing(.goingAway, reason: "bye"))),
                .setDeadline(at(8)),
            ],
            "what follows a close frame is not read"
        )
        #expect(!client.isOpen)
        #expect(client.actions(for: frame(9)) == [])
        client.close(WebSocketClosing(.normalClosure), now: at(4))
        #expect(client.takeActions() == [])
        client.receivedEnd(.finished)
        #expect(client.takeActions() == [.closeStream])
        client.timePassed(now: at(8))
        #expect(client.takeActions() == [])
    }

    @Test mutating func aCloseWithoutCodeIsAnsweredWithoutCode() {
        #expect(
            client.actions(for: frame(8)) == [
                .sendClose(nil), .report(.closed(WebSocketClosing(.noStatusReceived))), .setDeadline(at(5)),
            ]
        )
    }

    @Test mutating func aServerThatDoesNotEndTheStreamIsLeft() {
        _ = client.actions(for: frame(8), now: at(0))
        client.timePassed(now: at(4))
        #expect(client.takeActions() == [])
        client.timePassed(now: at(5))
        #expect(client.takeActions() == [.closeStream])
        client.receivedEnd(.finished)
        #expect(client.takeActions() == [])
    }

    @Test mutating func ourCloseIsAnswered() {
        client.close(WebSocketClosing(4001, reason: "done"), now: at(1))
        #expect(client.takeActions() == [.sendClose(WebSocketClosing(4001, reason: "done")), .setDeadline(at(6))])
        client.close(WebSocketClosing(4002), now: at(1))
        #expect(client.takeActions() == [], "once is enough")
        // Messages and pings on their way are dropped, pongs are told.
        #expect(client.actions(for: frame(1, [0x61]) + frame(9) + frame(10, [5])) == [.deliverPong(ByteChunk([5]))])
        #expect(
            client.actions(for: frame(8, [0x0F, 0xA1]), now: at(2)) == [
                .report(.closed(WebSocketClosing(4001)))
            ]
        )
        client.receivedEnd(.finished)
        #expect(client.takeActions() == [.closeStream])
    }

    @Test mutating func ourCloseIsNotAnswered() {
        client.close(WebSocketClosing(.normalClosure), now: at(0))
        _ = client.takeActions()
        client.timePassed(now: at(5))
        #expect(client.takeActions() == [.report(.closed(WebSocketClosing(.abnormalClosure))), .closeStream])
    }

    @Test mutating func ourCloseMeetsTheEndOfTheStream() {
        client.close(WebSocketClosing(.normalClosure), now: at(0))
        _ = client.takeActions()
        client.receivedEnd(.finished)
        #expect(client.takeActions() == [.report(.closed(WebSocketClosing(.abnormalClosure))), .closeStream])
    }

    @Test mutating func aCodeThatMayNotBeSentIsLeftOut() {
        client.close(WebSocketClosing(.abnormalClosure, reason: "x"), now: at(0))
        #expect(client.takeActions() == [.sendClose(nil), .setDeadline(at(5))])
    }

    @Test mutating func theServerEndsTheStreamFirst() {
        var server = WebSocketStateMachine(.init(role: .server, closeTimeout: .seconds(2)))
        #expect(
            server.actions(for: frame(8, [0x03, 0xE8], mask: [1, 2, 3, 4])) == [
                .sendClose(WebSocketClosing(.normalClosure)), .report(.closed(WebSocketClosing(.normalClosure))),
                .finishWriting, .setDeadline(at(2)),
            ]
        )
    }

    @Test mutating func whatWasValidBeforeABadFrameIsDeliveredAndAnswered() {
        let bytes = frame(1, [0x61]) + frame(9, [1]) + frame(2, [2], reserved: 4) + frame(1, [0x62])
        #expect(
            client.actions(for: bytes) == [
                .deliverText(chunk("a")), .sendPong(ByteChunk([1])),
                .sendClose(WebSocketClosing(.protocolError)), .report(.failed(.violation(.reservedBits(4)))),
                .finishWriting, .setDeadline(at(5)),
            ]
        )
        #expect(client.actions(for: frame(1, [0x63])) == [])
        client.timePassed(now: at(5))
        #expect(client.takeActions() == [.closeStream])
    }

    @Test mutating func aViolationWhileClosingSendsNoSecondClose() {
        client.close(WebSocketClosing(.normalClosure), now: at(0))
        _ = client.takeActions()
        #expect(
            client.actions(for: frame(3)) == [
                .report(.failed(.violation(.reservedOpcode(3)))), .finishWriting,
            ]
        )
    }

    struct Fragmentation: Sendable {
        let sizes: [Int]
        let limit = 1_000
    }

    @Test(
        "B219: a message at the limit comes in any fragmentation, one above it fails with both numbers",
        arguments: [[1_000], [1, 999], [999, 1], [0, 500, 0, 500, 0], [250, 250, 250, 250]]
            .map { Fragmentation(sizes: $0) }
    )
    mutating func messagesAtTheLimit(_ row: Fragmentation) {
        let limits = WebSocketLimits(maxFrameSize: row.limit, maxMessageSize: row.limit)
        for surplus in [0, 1] {
            var machine = WebSocketStateMachine(.init(role: .client, limits: limits))
            var sizes = row.sizes
            sizes[0] += surplus
            let bytes = sizes.enumerated().flatMap { index, size in
                frame(index == 0 ? 2 : 0, [UInt8](repeating: 7, count: size), isFinal: index == sizes.count - 1)
            }
            let actions = machine.actions(for: bytes)
            if surplus == 0 {
                #expect(actions == [.deliverBinary(ByteChunk([UInt8](repeating: 7, count: row.limit)))])
            } else {
                let error: WebSocketProtocolError =
                    sizes.count == 1
                    ? .frameTooLarge(size: 1_001, limit: 1_000) : .messageTooLarge(size: 1_001, limit: 1_000)
                let expected: [Action] = [
                    .sendClose(WebSocketClosing(.messageTooBig)), .report(.failed(.violation(error))),
                ]
                #expect(actions.prefix(2) == expected[...])
            }
        }
    }

    @Test("B222: a close of 1 MiB is read where it is allowed") mutating func longClose() {
        let reason = String(repeating: "r", count: (1 << 20) - 2)
        let bytes = frame(8, [0x03, 0xE8] + Array(reason.utf8))
        let limits = WebSocketLimits(maxCloseSize: 1 << 20)
        var lenient = WebSocketStateMachine(.init(role: .client, limits: limits))
        #expect(lenient.actions(for: bytes)[1] == .report(.closed(WebSocketClosing(.normalClosure, reason: reason))))
        #expect(
            client.actions(for: bytes)[1]
                == .report(.failed(.violation(.controlFrameTooLarge(.close, size: 1 << 20, limit: 125))))
        )
    }

    struct Code: Sendable {
        let code: UInt16
        let isAllowed: Bool
    }

    @Test(
        arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
            .map { Code(code: $0, isAllowed: true) }
            + [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map { Code(code: $0, isAllowed: false) }
    )
    mutating func closeCodes(_ row: Code) {
        let code = WebSocketCloseCode(rawValue: row.code)
        let actions = client.actions(for: frame(8, [UInt8(row.code >> 8), UInt8(row.code & 255)]))
        if row.isAllowed {
            let closing = WebSocketClosing(code)
            #expect(actions.prefix(2) == [.sendClose(closing), .report(.closed(closing))])
        } else {
            #expect(
                actions.prefix(2) == [
                    .sendClose(WebSocketClosing(.protocolError)),
                    .report(.failed(.violation(.closeCodeNotAllowed(row.code)))),
                ]
            )
        }
    }
}

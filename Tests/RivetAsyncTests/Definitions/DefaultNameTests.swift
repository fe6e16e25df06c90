// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

private enum Rooms: ActorDefinition {
    struct URLCheck: ActorAction { typealias Target = Rooms }
    struct Named<T: Codable & Sendable>: ActorEvent {
        typealias Source = Rooms
        var value: T
    }
    struct Own: ActorQueueMessage {
        typealias Target = Rooms
        static var queueName: String { "jobs" }
    }
}

private struct Box<T> {
    enum Inside: ActorDefinition {}
}

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DefaultNameTests {
    @Test func typesNameThemselves() {
        enum Local: ActorDefinition {}
        #expect(Rooms.actorName == "rooms")
        #expect(Rooms.URLCheck.actionName == "urlCheck")
        #expect(Rooms.Named<[String: Int]>.eventName == "named")
        #expect(Rooms.Own.queueName == "jobs")
        #expect(Local.actorName == "local")
        #expect(Box<Rooms>.Inside.actorName == "inside")
        #expect(Untyped.actorName == "")
        #expect(Rooms.URLCheck.argumentStyle == .object)
        #expect(Rooms.Named<Int>.argumentStyle == .object)
    }

    @Test(arguments: [
        ("NewCount", "newCount"), ("URLCheck", "urlCheck"), ("URL", "url"), ("A", "a"), ("ABTest", "abTest"),
        ("HTTP2Check", "http2Check"), ("_Private", "_private"), ("already", "already"), ("ÄnderungNeu", "änderungNeu"),
        ("X1", "x1"), ("", ""), ("__", "__"),
    ])
    func theFirstWordIsPutInLowerCase(type: String, name: String) {
        #expect(DefaultName.lowerCamelCase(type) == name)
    }

    @Test(arguments: [
        ("SoldOut", "sold_out"), ("URLCheck", "url_check"), ("URL", "url"), ("A", "a"), ("ABTest", "ab_test"),
        ("HTTP2Check", "http2_check"), ("_Private", "_private"), ("already", "already"), ("Two_Words", "two_words"),
        ("ÄnderungNeu", "änderung_neu"), ("OutOfStock2", "out_of_stock2"), ("", ""), ("__", "__"),
    ])
    func wordsArePutInSnakeCase(type: String, code: String) {
        #expect(DefaultName.snakeCase(type) == code)
    }

    @Test func manyTasksFindTheSameName() async {
        await withTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { Rooms.Named<UInt8>.eventName } }
            for await name in group { #expect(name == "named") }
        }
    }
}

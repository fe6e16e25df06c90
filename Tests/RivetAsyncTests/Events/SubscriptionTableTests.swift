// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SubscriptionTableTests {
    static func feed(_ name: String) -> EventFeed {
        EventFeed(name: name, buffering: .default, gauge: ResourceGauge()) {}
    }

    /// Which of `feeds` get an event of this name, by their places.
    static func found(_ name: String, _ table: SubscriptionTable, _ feeds: [EventFeed]) -> [Int] {
        let run = EventFeedTests.run([EventFeedTests.event(1, of: name)])
        return table.feeds(of: run).map { feed in feeds.firstIndex { $0 === feed } ?? -1 }
    }

    @Test("B86, B98: every listener of a name is found once, in the order in which they came, and no other")
    func listenersOfAName() {
        let feeds = [Self.feed("x"), Self.feed("y"), Self.feed("x"), Self.feed("")]
        var table = SubscriptionTable()
        for feed in feeds { table.add(feed) }
        #expect(table.names == ["x", "y", ""])
        #expect(table.feeds.map { feed in feeds.firstIndex { $0 === feed } } == [0, 2, 1, 3])
        #expect(Self.found("x", table, feeds) == [0, 2])
        #expect(Self.found("y", table, feeds) == [1])
        #expect(Self.found("", table, feeds) == [3])
        #expect(table.contains("x") && !table.contains("z"))
    }

    @Test("B97: a name that nobody listens to finds nobody, however much it looks like another")
    func otherNames() {
        let feeds = [Self.feed("newCount"), Self.feed("é")]
        var table = SubscriptionTable()
        for feed in feeds { table.add(feed) }
        for name in ["newcount", "newCoun", "newCount2", "NewCount", "", "e", "e\u{301}"] {
            #expect(Self.found(name, table, feeds) == [], "\(name)")
        }
        #expect(Self.found("é", table, feeds) == [1])
        let notText = EventMessage(ByteChunk([0xFF]), name: 0..<1, arguments: 1..<1)
        #expect(table.feeds(of: EventFeedTests.run([notText])).isEmpty, "not UTF-8")
    }

    @Test("B87: a name is wanted until its last listener has gone, in whatever order they go")
    func lastListener() {
        let feeds = [Self.feed("x"), Self.feed("x"), Self.feed("y")]
        var table = SubscriptionTable()
        for feed in feeds { table.add(feed) }
        table.remove(feeds[0])
        #expect(table.contains("x"))
        #expect(Self.found("x", table, feeds) == [1])
        table.remove(feeds[0])
        #expect(table.contains("x"), "removed twice")
        table.remove(feeds[1])
        #expect(!table.contains("x"))
        #expect(table.names == ["y"])
        table.remove(feeds[1])
        #expect(table.names == ["y"])
        // One that comes back stands behind the others.
        table.add(feeds[1])
        #expect(table.names == ["y", "x"])
    }

    @Test("a lane's copy is the table of the last change before it looks, and stays so until it looks again")
    func copies() {
        let feeds = [Self.feed("x"), Self.feed("y")]
        let book = Subscriptions()
        var copy = Subscriptions.Copy()
        copy.refresh(from: book)
        #expect(copy.table.names == [])
        book.change { $0.add(feeds[0]) }
        #expect(copy.table.names == [], "it has not looked")
        copy.refresh(from: book)
        #expect(copy.table.names == ["x"])
        book.change { $0.add(feeds[1]) }
        book.change { $0.remove(feeds[0]) }
        copy.refresh(from: book)
        copy.refresh(from: book)
        #expect(copy.table.names == ["y"])
        #expect(book.current.names == ["y"])
    }
}

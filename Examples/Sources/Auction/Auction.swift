// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import Foundation
import RivetAsync

/// An auction whose bidders know at any time how it stands, also behind a lost connection, and are refused by type.
@main
struct Auction: Example {
    static let summary = "sells a thing to bidders in tasks of their own, through a lost connection, and refuses some"
    static let actors: [any ActorDefinition.Type] = [Lot.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let lot = client.getOrCreate(Lot.self, setup.key("auction"))

            // To each price one bidder has an answer, or none, so that the sale is the same each time.
            async let ada = Bidder(name: "ada", answers: [10: 20]).takePart(in: lot)
            async let bob = Bidder(name: "bob", answers: [20: 25]).takePart(in: lot)
            async let eve = Bidder(name: "eve", answers: [:], bidsTooLate: 60).takePart(in: lot)

            try await lot.withConnection { connection in
                var known = -1
                for try await change in connection.standings {
                    let standing = change.standing
                    guard standing.number > known else { continue }  // An event may be part of the snapshot before it.
                    known = standing.number
                    print("house     \(standing.text)")
                    switch standing.price {
                    case _ where standing.isOver:
                        print("network   the house was connected \(connection.statistics.opened) times")
                        return
                    case 0: try await connection.send(Bid("the house", 10))
                    case 30:
                        print("network   all connections are cut")
                        cutAllConnections()
                        // Nobody hears the event of this bid, which comes over HTTP; a repeat of it would be harmless.
                        try await lot.send(Bid("dora", 50), CallOptions(isIdempotent: true))
                        print("telephone dora bids 50")
                    case 50: try await connection.send(Hammer())
                    default: break
                    }
                }
            }
            for report in try await [ada, bob, eve] { print(report.joined(separator: "\n")) }
        }
    }
}

/// Somebody who follows the sale and answers some prices.
struct Bidder: Sendable {
    let name: String
    let answers: [Int: Int]
    var bidsTooLate: Int?

    /// Returns what is to be told when the sale is over.
    func takePart(in lot: ActorHandle<Lot>) async throws -> [String] {
        try await lot.withConnection { connection in
            var report: [String] = []
            var known = -1
            for try await change in connection.standings {
                let standing = change.standing
                guard standing.number > known else { continue }
                known = standing.number
                if standing.isOver {
                    if let bidsTooLate { report += try await bid(bidsTooLate, connection) }
                    return report + ["\(line)heard of the end: \(standing.text)"]
                }
                if let answer = answers[standing.price] { report += try await bid(answer, connection) }
            }
            return report  // Only when it is interrupted.
        }
    }

    /// Bids, and more where that was too low.
    private func bid(_ amount: Int, _ connection: ActorConnection<Lot>) async throws -> [String] {
        do {
            try await connection.send(Bid(name, amount))
            return []
        } catch let error as RivetError {
            if let refusal = error.failure(as: BidTooLow.self) {
                let report = "\(line)bid \(amount), which was too low: \(refusal.least) is the least"
                return [report] + (try await bid(refusal.least, connection))
            }
            if let refusal = error.failure(as: AuctionOver.self) {
                return ["\(line)bid \(amount), too late: \(refusal.winner) has it for \(refusal.price)"]
            }
            // Lost on the way, before or behind the actor: the next snapshot tells.
            if error.isTransient { return [] }
            throw error
        }
    }

    private var line: String { name.padding(toLength: 10, withPad: " ", startingAt: 0) }
}

extension ActorConnection<Lot> {
    /// How the sale stands, and each change of that; once more wherever changes may be missing.
    nonisolated var standings: ResyncedEvents<Standing, Changed> {
        events(of: Changed.self).resyncing { try await self.send(Look()) }
    }
}

extension StateChange<Standing, Changed> {
    /// Each event has all of it, so both mean the same.
    var standing: Standing {
        switch self {
        case .snapshot(let standing): standing
        case .event(let event): event.standing
        }
    }
}

extension Standing {
    var text: String {
        guard let bidder else { return "nobody has bid" }
        return isOver ? "sold to \(bidder) for \(price)" : "\(bidder) bids \(price)"
    }
}

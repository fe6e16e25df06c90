// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// A thing that is sold to whoever bids most.
package enum Lot: ActorDefinition {
    package static var argumentStyle: ArgumentStyle { .ofThisRun }
}

/// How a sale stands.
package struct Standing: Codable, Sendable {
    /// Grows with each change, so that an old standing is told from a new one.
    package var number = 0
    package var price = 0
    /// Who bids that; nil before the first bid.
    package var bidder: String?
    package var isOver = false
}

/// Bids, and answers how the sale stands then.
package struct Bid: ActorAction {
    package typealias Target = Lot
    package typealias Output = Standing

    package var bidder: String
    package var amount: Int

    package init(_ bidder: String, _ amount: Int) { (self.bidder, self.amount) = (bidder, amount) }
}

/// Asks how the sale stands.
package struct Look: ActorAction {
    package typealias Target = Lot
    package typealias Output = Standing

    package init() {}
}

/// Ends the sale.
package struct Hammer: ActorAction {
    package typealias Target = Lot

    package init() {}
}

/// The sale stands otherwise than before.
package struct Changed: ActorEvent {
    package typealias Source = Lot

    package var standing: Standing
}

/// The bid was less than it takes.
package struct BidTooLow: ActorFailure {
    package var least: Int
}

/// The bid came after the end.
package struct AuctionOver: ActorFailure {
    package var winner: String
    package var price: Int
}

extension LocalEngine.Registry {
    mutating func addLot() {
        actor(Lot.self, state: Standing()) { lot in
            lot.on(Bid.self) { bid, actor in
                let standing = actor.state
                // The same bid once more changes nothing, so that it is safe to repeat.
                if standing.bidder == bid.bidder, standing.price == bid.amount { return standing }
                if standing.isOver { throw AuctionOver(winner: standing.bidder ?? "nobody", price: standing.price) }
                let least = standing.price + 10
                guard bid.amount >= least else { throw BidTooLow(least: least) }
                actor.state.price = bid.amount
                actor.state.bidder = bid.bidder
                return actor.tellChange()
            }
            lot.on(Look.self) { _, actor in actor.state }
            lot.on(Hammer.self) { _, actor in
                actor.state.isOver = true
                _ = actor.tellChange()
                return NoValue()
            }
        }
    }
}

extension ActorInstance<Lot, Standing> {
    fileprivate func tellChange() -> Standing {
        state.number += 1
        broadcast(Changed(standing: state))
        return state
    }
}

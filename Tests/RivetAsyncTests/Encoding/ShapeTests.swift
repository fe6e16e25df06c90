// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ShapeTests {
    @Test func tableIsLongEnough() {
        #expect(Shape.all.count >= 60)
    }

    @Test(
        "B119: every shape travels as output and as argument, or is refused",
        arguments: Shape.all,
        ValueFormat.rivets
    )
    func shapeTravels(_ shape: Shape, _ format: ValueFormat) throws {
        guard let kind = shape.refused[format] else { return try shape.roundTrip(format) }
        let failure = #expect(throws: CodingError.self) { try shape.roundTrip(format) }
        #expect(failure?.kind == kind)
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DeadlineHeapTests {
    static func at(_ seconds: Int) -> TimePoint { TimePoint(.seconds(seconds)) }

    @Test func givesThemInOrderOfTimeAndOfIDAmongEquals() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var heap = DeadlineHeap<Int>()
            var expected: [(deadline: Int, id: Int)] = []
            for id in 0..<Int(random.next(upperBound: 60 as UInt64)) {
                let deadline = Int(random.next(upperBound: 20 as UInt64))
                heap.add(id, Self.at(deadline))
                expected.append((deadline, id))
            }
            if Bool.random(using: &random) {
                heap.keep { $0 % 3 != 0 }
                expected.removeAll { $0.id % 3 == 0 }
            }
            expected.sort { ($0.deadline, $0.id) < ($1.deadline, $1.id) }
            #expect(heap.count == expected.count)
            for (deadline, id) in expected {
                #expect(heap.first?.deadline == Self.at(deadline))
                #expect(heap.removeFirst(dueAt: Self.at(deadline - 1)) == nil)
                #expect(heap.removeFirst(dueAt: Self.at(deadline)) == id)
            }
            #expect(heap.first == nil)
            #expect(heap.removeFirst(dueAt: Self.at(99)) == nil)
        }
    }
}

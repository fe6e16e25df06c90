// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// JavaScript's values by the names that `Values` knows them by, as they are read where nothing stands in between.
struct Sample: Sendable {
    /// What becomes of a value on its way.
    enum Kind: Sendable {
        /// It arrives whole, however it goes.
        case plain
        /// JSON has no form of it: null.
        case notFinite
        /// A CBOR tag: null in an answer over HTTP, and a json connection cannot carry it.
        case tagged
        /// Tagged too when JavaScript writes it; a Swift actor writes its text where tags are refused.
        case date
    }

    let name: String
    let value: RivetValue
    var kind = Kind.plain
    /// What an actor returns for it, where that is not `value`.
    var written: RivetValue?

    static let all: [Sample] = [
        Sample(name: "date", value: .tag(1, 1_754_512_646.123), kind: .date),
        Sample(name: "dateWhole", value: .tag(1, 1_754_512_646), kind: .date),
        Sample(name: "bytes", value: .bytes([0, 0, 0])),
        Sample(name: "bytesFull", value: .bytes([0, 1, 254, 255])),
        Sample(name: "arrayBuffer", value: .bytes([1, 2, 3])),
        Sample(name: "bigSmall", value: 7),
        Sample(name: "bigWide", value: 9_007_199_254_740_993),
        Sample(name: "bigNegative", value: -9_007_199_254_740_993),
        Sample(name: "bigHuge", value: .bigInteger("123456789012345678901234567890")),
        Sample(name: "map", value: ["b": 1, "a": 2], kind: .tagged, written: .tag(259, ["b": 1, "a": 2])),
        Sample(
            name: "mapNumbers",
            value: [1: "one", 2: "two"],
            kind: .tagged,
            written: .tag(259, [1: "one", 2: "two"])
        ),
        Sample(name: "set", value: [3, 1, 2]),
        Sample(name: "undefined", value: .undefined),
        Sample(name: "undefinedMember", value: ["a": .undefined, "b": 1]),
        Sample(name: "null", value: nil),
        Sample(name: "nan", value: .double(.nan), kind: .notFinite),
        Sample(name: "infinity", value: .double(.infinity), kind: .notFinite),
        Sample(name: "minusZero", value: 0),
        Sample(name: "half", value: 0.5),
        Sample(name: "third", value: .double(1 / 3)),
        Sample(name: "int31", value: 2_147_483_647),
        Sample(name: "int32", value: 4_294_967_295),
        Sample(name: "int33", value: 4_294_967_296.0),
        Sample(name: "millis", value: 1_754_512_646_123.0),
        Sample(name: "minusMillis", value: -1_754_512_646_123.0),
        Sample(name: "maxSafe", value: 9_007_199_254_740_991.0),
        Sample(name: "e16", value: 1e16),
        Sample(name: "unsorted", value: ["b": 1, "a": ["z": 1, "y": 2], "c": [3, ["q": 1, "p": 2]]]),
        Sample(
            name: "nested",
            value: ["list": [1, "two", nil, true, ["deep": [[[0]]]]], "text": "ä€😀", "empty": [:]]
        ),
        Sample(name: "tagLike", value: ["$BigInt", "12"]),
        Sample(name: "tagLikeOther", value: ["$other", 1]),
        Sample(name: "regexp", value: .tag(27, ["RegExp", "a+", "gi"]), kind: .tagged),
        Sample(name: "error", value: .tag(27, ["Error", "an error as a value"]), kind: .tagged),
        Sample(name: "emptyText", value: ""),
        Sample(
            name: "typed",
            value: .tag(86, .bytes([0, 0, 0, 0, 0, 0, 248, 63, 0, 0, 0, 0, 0, 0, 0, 192])),
            kind: .tagged
        ),
    ]

    static func named(_ name: String) -> RivetValue {
        guard let sample = all.first(where: { $0.name == name }) else { return .null }
        return sample.written ?? sample.value
    }
}

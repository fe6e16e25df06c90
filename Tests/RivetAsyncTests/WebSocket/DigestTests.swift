// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DigestTests {
    struct Digest {
        let message: [UInt8]
        let hexadecimal: String
    }

    /// FIPS 180-4's examples, and the lengths around a block's end.
    @Test(arguments: [
        Digest(message: Array("abc".utf8), hexadecimal: "a9993e364706816aba3e25717850c26c9cd0d89d"),
        Digest(message: [], hexadecimal: "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        Digest(
            message: Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
            hexadecimal: "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        Digest(message: [UInt8](repeating: 0x61, count: 55), hexadecimal: "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
        Digest(message: [UInt8](repeating: 0x61, count: 64), hexadecimal: "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
    ])
    func sha1(_ row: Digest) {
        let digits = SHA1.digest(row.message).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        #expect(digits.joined() == row.hexadecimal)
    }

    /// RFC 8439 §2.3.2.
    @Test func chaCha20() {
        let key = InlineArray<8, UInt32> { 0x0302_0100 + UInt32($0) * 0x0404_0404 }
        var cipher = ChaCha(key: key, nonce: [0x0900_0000, 0x4a00_0000, 0], counter: 1, rounds: 20)
        let block = cipher.next()
        let expected: [UInt32] = [
            0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3, 0xc7f4_d1c7, 0x0368_c033, 0x9aaa_2204, 0x4e6c_d4c3,
            0x4664_82d2, 0x09aa_9f07, 0x05d7_c214, 0xa202_8bd9, 0xd19c_12b5, 0xb94e_16de, 0xe883_d0cb, 0x4e3c_50a2,
        ]
        #expect(block.indices.map { block[$0] } == expected)
    }

    /// The first two blocks for a key of zeros, by another implementation.
    @Test func chaCha8CountsItsBlocks() {
        var cipher = ChaCha(key: .init(repeating: 0), rounds: 8)
        let (first, second) = (cipher.next(), cipher.next())
        #expect([first[0], first[15], second[0], second[15]] == [0x2fef_003e, 0x42fe_0c0e, 0x0dfa_aed2, 0xaa68_1e82])
    }

    struct Text {
        let bytes: String
        let base64: String
    }

    /// RFC 4648 §10.
    @Test(arguments: [
        Text(bytes: "", base64: ""), Text(bytes: "f", base64: "Zg=="), Text(bytes: "fo", base64: "Zm8="),
        Text(bytes: "foo", base64: "Zm9v"), Text(bytes: "foob", base64: "Zm9vYg=="),
        Text(bytes: "fooba", base64: "Zm9vYmE="), Text(bytes: "foobar", base64: "Zm9vYmFy"),
    ])
    func base64BothWays(_ row: Text) {
        #expect(Base64.encode(row.bytes.utf8) == row.base64)
        #expect(Base64.decode(row.base64.utf8) == Array(row.bytes.utf8))
    }

    @Test(arguments: ["Zg=", "Zg", "Zg==Zg==", "Zh==", "Zm9=", "Z===", "====", "Zm 9", "Zm9-", "Zm9v\n"])
    func base64OutOfFormIsRefused(_ text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.timeLimit(.minutes(1)))
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

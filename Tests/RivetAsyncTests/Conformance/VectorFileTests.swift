// SPDX-License-Identifier: Apache-2.0
import Testing

struct VectorFileTests {
    @Test func groupsAreRead() {
        #expect(VectorFile.group("cbor.rfc8949").count == 81)
        #expect(VectorFile.group("cbor.value").count == 98)
        #expect(VectorFile.group("invalid").count == 132)
        #expect(VectorFile.group("cbor.rfc8949")[0]["roundtrip"] == .bool(true))
        #expect(VectorFile.recording("scripted-values-cbor").count == 331)
    }
}

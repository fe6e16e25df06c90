// SPDX-License-Identifier: Apache-2.0
import Testing

/// What the vectors' file holds, group by group and field by field: a group or field that nobody here has heard of
/// fails, and so does a group that lost or gained a vector.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct VectorCoverageTests {
    struct Group: Sendable, CustomTestStringConvertible {
        let name: String
        let count: Int
        let fields: Set<String>
        var testDescription: String { name }

        init(_ name: String, _ count: Int, _ fields: String) {
            self.name = name
            self.count = count
            self.fields = Set(fields.split(separator: " ").map(String.init))
        }
    }

    static let groups = [
        Group("bare.uint", 28, "id value hex"),
        Group("bare.int", 15, "id value hex"),
        Group("bare.fixed", 39, "id type value hex bits"),
        Group("bare.str", 11, "id value hex"),
        Group("bare.data", 4, "id value hex"),
        Group("bare.optional", 6, "id type value hex"),
        Group("bare.list", 3, "id type value hex"),
        Group("bare.message", 88, "id type version value hex note"),
        Group("cbor.rfc8949", 81, "id hex value roundtrip integer decimal note"),
        Group("cbor.value", 98, "id writer value hex reads_as_integer note means hex_repeat hex_tail"),
        Group("json.message", 23, "id type from text value accept_only"),
        Group("cbor.message", 21, "id type from hex value accept_only"),
        Group("json.compat", 20, "id value json decode_only"),
        Group("json.number", 13, "id json value reads_as_integer"),
        Group("key", 21, "id parts text bytes parse_only"),
        Group("url.gateway", 18, "id endpoint actor_id token path url"),
        Group("url.actors", 6, "id target"),
        Group("url.query", 10, "id endpoint name method key path url decodes refused note"),
        Group("url.path.refused", 2, "id path note"),
        Group("endpoint", 10, "id text result error"),
        Group("subprotocols", 12, "id encoding skip_ready_wait user list header params"),
        Group("subprotocols.server", 5, "id header result"),
        Group("header.connParams", 6, "id value header"),
        Group(
            "http",
            81,
            "id encoding request response args output queue_body wait timeout_ms queue_status queue_response "
                + "accept_only note error input client"
        ),
        Group("actorId", 4, "id uuid label"),
        Group("close", 14, "id code reason parsed frame"),
        Group("invalid", 132, "id decoder hex text error upstream note hex_repeat hex_tail text_repeat text_tail"),
    ]

    @Test func everyGroupIsKnown() {
        #expect(Set(VectorFile.groupNames) == Set(Self.groups.map(\.name)))
        #expect(Self.groups.map(\.count).reduce(0, +) == 771)
    }

    @Test(arguments: groups)
    func everyVectorAndFieldIsKnown(group: Group) {
        let vectors = VectorFile.group(group.name)
        #expect(vectors.count == group.count)
        for vector in vectors {
            let unknown = Set(vector.fields.object?.keys.map(\.self) ?? []).subtracting(group.fields)
            #expect(unknown.isEmpty, "\(vector.id)")
        }
    }
}

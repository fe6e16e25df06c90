// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing) struct SocketAddressTests {
    struct Literal: Sendable {
        let text: String
        let ip: SocketAddress.IP
        let description: String
    }

    @Test(arguments: [
        Literal(text: "127.0.0.1", ip: .v4(0x7F00_0001), description: "127.0.0.1:80"),
        Literal(text: "255.255.255.255", ip: .v4(0xFFFF_FFFF), description: "255.255.255.255:80"),
        Literal(text: "::1", ip: .v6(1, zone: 0), description: "[::1]:80"),
        Literal(
            text: "2001:DB8:0:0:0:0:0:A",
            ip: .v6(0x2001_0DB8_0000_0000_0000_0000_0000_000A, zone: 0),
            description: "[2001:db8::a]:80"
        ),
        Literal(
            text: "fe80::1%7",
            ip: .v6(0xFE80_0000_0000_0000_0000_0000_0000_0001, zone: 7),
            description: "[fe80::1%7]:80"
        ),
        // The loopback interface has the number 1 on every Linux.
        Literal(
            text: "fe80::1%lo",
            ip: .v6(0xFE80_0000_0000_0000_0000_0000_0000_0001, zone: 1),
            description: "[fe80::1%1]:80"
        ),
    ])
    func literalsAreRead(_ literal: Literal) {
        let address = SocketAddress(literal: literal.text, port: 80)
        #expect(address?.ip == literal.ip)
        #expect(address?.description == literal.description)
    }

    @Test(arguments: [
        "", "localhost", "127.1", "127.0.0.256", "127.0.0.1:80", "[::1]", "::1::", "fe80::1%", "fe80::1%no-such",
        "1.2.3.4%lo", "0x7f000001",
    ])
    func anythingElseIsAName(_ text: String) {
        #expect(SocketAddress(literal: text, port: 80) == nil)
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// Which hosts are this machine, and which are one host.
@Suite
struct EndpointHostTests {
    @Test(
        "B233: this machine, in any spelling that dials it",
        arguments: [
            "localhost", "LocalHost", "127.0.0.1", "127.0.0.2", "127.255.255.255", "127.1", "127.0.1", "2130706433",
            "0x7f000001", "0x7f.1", "0177.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::0:1]",
            "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        ]
    )
    func isLoopback(_ host: String) throws {
        #expect(try Endpoint.parse("http://\(host):6420").endpoint.isLoopback)
    }

    @Test(
        "B233: and nothing else",
        arguments: [
            "0.0.0.0", "128.0.0.1", "126.255.255.255", "127.0.0.1.example.com", "127.example", "localhost.example.com",
            "mylocalhost", "127.0.0.256", "127.0.0.0.1", "127.16777216", "0x7g.1", "0128.1", "[::]", "[::2]", "[1::1]",
            "[::ffff:126.0.0.1]", "[::127.0.0.1]", "[::1::]", "[1:2:3:4:5:6:7:8:1]", "[:::1]",
        ]
    )
    func isElsewhere(_ host: String) throws {
        #expect(try !Endpoint.parse("http://\(host):6420").endpoint.isLoopback)
    }

    @Test(
        "B235: a host is compared without case and port",
        arguments: [
            ("http://Example.com:1", "eXAMPLE.com", true), ("http://example.com", "example.com.", false),
            ("http://localhost", "127.0.0.1", false), ("http://[::1]", "::1", true), ("http://a", "b", false),
        ]
    )
    func same(_ endpoint: String, _ host: String, _ isSame: Bool) throws {
        #expect(try Endpoint.parse(endpoint).endpoint.hasSameHost(as: host) == isSame)
    }
}

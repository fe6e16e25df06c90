// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Who the server has to prove to be: a DNS name, which is sent to it too (SNI, RFC 6066 §3), or an IP address, which
/// is not.
struct TLSServerName: Hashable, Sendable {
    let text: String
    let isAddress: Bool

    /// Takes a host as it is dialled: a name with or without a final dot, an IPv4 address, an IPv6 address with or
    /// without brackets and zone.
    init(_ host: String) throws(TLSError) {
        var host = Substring(host)
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        let address = String(host.prefix { $0 != "%" })
        if Self.isAddress(address) {
            (text, isAddress) = (address, true)
            return
        }
        if host.last == "." { host.removeLast() }
        // RFC 1035 §2.3.4 allows 253 visible characters.
        guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) else {
            throw TLSError(
                .configuration,
                "the server's name must have 1 to 253 ASCII characters (an international one in its xn-- form), "
                    + "and this one has \(host.utf8.count) bytes"
            )
        }
        (text, isAddress) = (String(host), false)
    }

    private static func isAddress(_ text: String) -> Bool {
        var bytes = in6_addr()
        return unsafe inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1
    }
}

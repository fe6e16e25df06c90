// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An IP address and a port.
package struct SocketAddress: Hashable, Sendable {
    package enum IP: Hashable, Sendable {
        case v4(UInt32)
        /// `zone` is the number of the interface for link-local addresses (RFC 4007), otherwise 0.
        case v6(UInt128, zone: UInt32)
    }

    package var ip: IP
    package var port: UInt16

    package init(ip: IP, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Reads an IP literal: `127.0.0.1`, `::1`, `fe80::1%eth0`.
    ///
    /// Nil when `literal` is anything else, such as a name.
    package init?(literal: String, port: UInt16) {
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, literal, &v4) == 1 {
            self.init(ip: .v4(UInt32(bigEndian: v4.s_addr)), port: port)
            return
        }
        let parts = literal.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var v6 = in6_addr()
        guard let address = parts.first, unsafe inet_pton(AF_INET6, String(address), &v6) == 1 else { return nil }
        var zone: UInt32 = 0
        if parts.count == 2 {
            let name = String(parts[1])
            zone = unsafe UInt32(name) ?? if_nametoindex(name)
            guard zone > 0 else { return nil }
        }
        self.init(ip: .v6(UInt128(v6), zone: zone), port: port)
    }

    package static func loopback(port: UInt16 = 0) -> SocketAddress {
        SocketAddress(ip: .v4(0x7F00_0001), port: port)
    }

    package var isV6: Bool {
        if case .v6 = ip { true } else { false }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:80`, `[fe80::1%2]:80`.
    package var description: String { isV6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The IP literal, without brackets and port.
    package var host: String {
        switch ip {
        case .v4(let address):
            return Self.literal(AF_INET, in_addr(s_addr: address.bigEndian))
        case .v6(let address, let zone):
            let literal = Self.literal(AF_INET6, in6_addr(address))
            return zone == 0 ? literal : "\(literal)%\(zone)"
        }
    }

    /// `raw` must be what the family has for an address.
    private static func literal<Raw>(_ family: Int32, _ raw: Raw) -> String {
        let size = Int(INET6_ADDRSTRLEN)
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
            unsafe withUnsafeBytes(of: raw) { raw in
                unsafe text(ofC: inet_ntop(family, raw.baseAddress, buffer.baseAddress, socklen_t(size))) ?? ""
            }
        }
    }
}

// MARK: The system's form

extension SocketAddress {
    var family: Int32 { isV6 ? AF_INET6 : AF_INET }

    init?(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let raw = Self.beginning(of: storage, as: sockaddr_in.self)
            self.init(ip: .v4(UInt32(bigEndian: raw.sin_addr.s_addr)), port: UInt16(bigEndian: raw.sin_port))
        case AF_INET6:
            let raw = Self.beginning(of: storage, as: sockaddr_in6.self)
            self.init(
                ip: .v6(UInt128(raw.sin6_addr), zone: raw.sin6_scope_id),
                port: UInt16(bigEndian: raw.sin6_port)
            )
        default:
            return nil
        }
    }

    /// A family's form of an address, for which a `sockaddr_storage` has the room and the alignment by its definition.
    private static func beginning<Raw>(of storage: sockaddr_storage, as _: Raw.Type) -> Raw {
        unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: Raw.self) }
    }

    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        switch ip {
        case .v4(let value):
            var raw = sockaddr_in()
            #if canImport(Darwin)
            raw.sin_len = UInt8(MemoryLayout<sockaddr_in>.size)
            #endif
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = value.bigEndian
            return unsafe Self.rebound(&raw, body)
        case .v6(let value, let zone):
            var raw = sockaddr_in6()
            #if canImport(Darwin)
            raw.sin6_len = UInt8(MemoryLayout<sockaddr_in6>.size)
            #endif
            raw.sin6_family = sa_family_t(AF_INET6)
            raw.sin6_port = port.bigEndian
            raw.sin6_addr = in6_addr(value)
            raw.sin6_scope_id = zone
            return unsafe Self.rebound(&raw, body)
        }
    }

    private static func rebound<Raw, R>(_ raw: inout Raw, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafePointer(to: &raw) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<Raw>.size))
            }
        }
    }
}

extension UInt128 {
    fileprivate init(_ address: in6_addr) {
        self = unsafe withUnsafeBytes(of: address) { unsafe UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
    }
}

extension in6_addr {
    fileprivate init(_ value: UInt128) {
        self.init()
        unsafe withUnsafeMutableBytes(of: &self) { unsafe $0.storeBytes(of: value.bigEndian, as: UInt128.self) }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Glibc
import RivetAsync

/// An address that refuses connections until it is closed: bound, so that nobody else gets its port, and not listening.
struct RefusingAddress {
    let address: SocketAddress
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &raw) { [descriptor] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        address = SocketAddress(ip: .v4(0x7F00_0001), port: UInt16(bigEndian: raw.sin_port))
        guard isBound else { throw TransportError.system(.listen, Errno(rawValue: errno)) }
    }

    func close() { Glibc.close(descriptor) }

    var endpoint: String { "http://\(address)" }
}

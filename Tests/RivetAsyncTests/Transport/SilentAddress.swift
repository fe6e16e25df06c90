// SPDX-License-Identifier: Apache-2.0
import Glibc
import RivetAsync

/// An address that drops packets, without a network: a listening socket on loopback with a full backlog.
struct SilentAddress {
    let address: SocketAddress
    private let descriptors: [Int32]

    init() throws {
        func makeSocket() -> Int32 {
            socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        }
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_addr.s_addr = UInt32(0x7F00_0002).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = makeSocket()
        let isListening = withUnsafeMutablePointer(to: &raw) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 0) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isListening else { throw TransportError.system(.listen, Errno(rawValue: errno)) }
        var descriptors = [listener]
        // One more than the backlog takes; the rest waits for an answer to its first packet, as whoever comes next.
        for _ in 0..<4 {
            let filler = makeSocket()
            withUnsafePointer(to: &raw) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = connect(filler, $0, size) }
            }
            descriptors.append(filler)
        }
        self.descriptors = descriptors
        address = SocketAddress(ip: .v4(0x7F00_0002), port: UInt16(bigEndian: raw.sin_port))
    }

    func close() {
        for descriptor in descriptors { Glibc.close(descriptor) }
    }
}

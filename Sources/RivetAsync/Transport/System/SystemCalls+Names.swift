// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SystemCalls {
    /// Asks the name service, and blocks until it has answered.
    ///
    /// Without AI_ADDRCONFIG, which would hide `::1` from a machine that is not on a network; an address that cannot
    /// be reached fails at once.
    static func addresses(host: String, port: UInt16) throws(TransportError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = streamType
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(host, nil, &hints, &list)
        guard result == 0 else {
            let reason = unsafe result == EAI_SYSTEM ? Errno.current.description : String(cString: gai_strerror(result))
            throw .nameNotResolved(host: host, reason: reason)
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = unsafe list
        while let current = unsafe entry {
            unsafe entry = current.pointee.ai_next
            guard let raw = unsafe current.pointee.ai_addr else { continue }
            var storage = sockaddr_storage()
            let size = unsafe min(Int(current.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: raw, count: size))
            }
            guard var address = SocketAddress(storage) else { continue }
            address.port = port
            if !addresses.contains(address) { addresses.append(address) }
        }
        guard !addresses.isEmpty else { throw .nameNotResolved(host: host, reason: "it has no IP address") }
        return addresses
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Cuts every TCP connection of this process, so that whatever is at the other end, here or elsewhere, is lost as in a
/// network that fails.
///
/// A program of your own has no use for this.
package func cutAllConnections() {
    for descriptor in 0..<Int32(1_024) {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isConnected = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) == 0 }
        }
        let family = Int32(address.ss_family)
        if isConnected, family == AF_INET || family == AF_INET6 { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
}

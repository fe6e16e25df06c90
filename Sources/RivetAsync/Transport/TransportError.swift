// SPDX-License-Identifier: Apache-2.0

/// Why bytes cannot be moved.
package enum TransportError: Error, Hashable, Sendable {
    /// A call to the operating system failed.
    case system(SystemCall, Errno)
    /// The name service has no address for the host; `reason` is what it said.
    case nameNotResolved(host: String, reason: String)
    /// None of the host's addresses could be reached.
    case noAddressReached(host: String, attempts: [Attempt])
    /// The deadline came first. `attempts` says how far the addresses that were tried had come.
    case deadlinePassed(Stage, host: String, attempts: [Attempt])
    /// TLS could not be set up, or ended in a way that it must not.
    case tls(TLSError)
    /// The lane was shut down while the stream was open.
    case laneShutDown

    package enum SystemCall: String, Hashable, Sendable {
        case epoll, eventfd, socket, bind, listen, accept, connect
        case getSocketName = "getsockname"
        case duplicate = "dup"
        case receive = "recv"
        case send
    }

    package enum Stage: String, Hashable, Sendable {
        case resolving, connecting, handshaking
    }

    /// One address that was tried.
    package struct Attempt: Hashable, Sendable {
        package let address: String
        /// Nil: it had not answered by then.
        package let error: TransportError?

        package init(address: String, error: TransportError?) {
            self.address = address
            self.error = error
        }
    }
}

extension TransportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let call, let error):
            "\(call.rawValue): \(error)"
        case .nameNotResolved(let host, let reason):
            "the name \(host) was not resolved: \(reason)"
        case .noAddressReached(let host, let attempts):
            "no address of \(host) was reached\(Self.list(attempts))"
        case .deadlinePassed(.resolving, let host, _):
            "the deadline passed while the name \(host) was being resolved"
        case .deadlinePassed(.connecting, let host, let attempts):
            "the deadline passed while connecting to \(host)\(Self.list(attempts))"
        case .deadlinePassed(.handshaking, let host, _):
            "the deadline passed during the TLS handshake with \(host)"
        case .tls(let error):
            error.message
        case .laneShutDown:
            "the client was shut down"
        }
    }

    private static func list(_ attempts: [Attempt]) -> String {
        guard !attempts.isEmpty else { return "" }
        return ": " + attempts.map { "\($0.address): \($0.error?.description ?? "no answer")" }.joined(separator: "; ")
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Why an exchange failed, and how far it had come: whoever reports it must know whether the request may have run.
package struct HTTPCallError: Error, Sendable {
    /// ``HTTPError``, ``TransportError``, ``DeadlinePassedError``, `CancellationError`, what the dialer threw, or
    /// ``RequestBodyError``.
    package let error: any Error
    /// A byte of the request may have left; false only where it is certain that none did.
    package let requestLeft: Bool
    /// A byte of the answer has arrived.
    package let answerBegun: Bool

    /// The connection was plain and ended without a byte, as one to a port for `https` does.
    package let mayNeedTLS: Bool

    /// It was the first of its connection, and no byte of the answer had come.
    package let openedConnection: Bool

    /// The connection had been kept from an earlier call, and ended without a byte of the answer: what is idempotent may
    /// be sent again at once (RFC 9112 §9.3.1).
    package let connectionWasStale: Bool

    package init(
        _ error: any Error,
        requestLeft: Bool = false,
        answerBegun: Bool = false,
        mayNeedTLS: Bool = false,
        openedConnection: Bool = false,
        connectionWasStale: Bool = false
    ) {
        (self.error, self.requestLeft, self.answerBegun) = (error, requestLeft, answerBegun)
        self.mayNeedTLS = mayNeedTLS
        self.openedConnection = openedConnection
        self.connectionWasStale = connectionWasStale
    }
}

/// What makes the request's body, the caller's own code, threw.
package struct RequestBodyError: Error {
    package let underlying: any Error
}

extension HTTPCallError: CustomStringConvertible {
    /// What a person may try, as an addition to a sentence; empty for nothing.
    package var advice: String {
        mayNeedTLS ? " (a port for https ends plain http in this way: should the address begin so?)" : ""
    }

    package var description: String {
        let progress = answerBegun ? "within the answer" : requestLeft ? "after the request left" : "before it was sent"
        return "HTTP exchange failed \(progress): \(error)\(advice)"
    }
}

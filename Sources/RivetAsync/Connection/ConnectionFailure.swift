// SPDX-License-Identifier: Apache-2.0

/// How a connection or an attempt ended, sorted for the decision about the next one.
struct ConnectionFailure: Error, Sendable {
    let error: RivetError
    /// The server said no in a way that a repeat will not change (B152).
    var isPermanent = false
    /// Not before this time from now (B150).
    var retryAfter: Duration?
    /// Actions that wait for the connection fail with it, although another attempt follows (B135).
    var failsHeldActions = false
}

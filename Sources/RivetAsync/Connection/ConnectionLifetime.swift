// SPDX-License-Identifier: Apache-2.0

/// What keeps a connection wanted: held by the public actor and by every sequence made from it, never by the
/// connection's own task.
///
/// When the last reference goes without `disconnect`, the socket closes and a warning is reported: a safety net, not the
/// normal way (B169).
final class ConnectionLifetime: Sendable {
    let driver: ConnectionDriver

    init(_ driver: ConnectionDriver) { self.driver = driver }

    deinit { driver.abandoned() }
}

// SPDX-License-Identifier: Apache-2.0

/// What keeps a connection wanted: held by the public actor and by every sequence made from it, never by the
/// connection's own task.
///
/// When the last reference goes without `disconnect`, the socket closes and a warning is reported: a safety net, not the
/// normal way (B169).
final class ConnectionLifetime: Sendable {
    let driver: ConnectionDriver
    /// What its user has of a connection that others use too, and leaves at the end of a scope.
    let share: ConnectionShare?

    var statuses: Broadcast<ConnectionStatus> { share?.statuses ?? driver.statuses }

    init(_ driver: ConnectionDriver, _ share: ConnectionShare?) { (self.driver, self.share) = (driver, share) }

    deinit { if share == nil { driver.abandoned() } }
}

// SPDX-License-Identifier: Apache-2.0

/// How a handle finds the connection that it shares.
extension HandleCore {
    /// That connection, with one more user, who has to leave it.
    nonisolated(nonsending) func joinSharedConnection(idle: Duration) async -> (ConnectionDriver, ConnectionShare) {
        let driver = joinedDriver(await sharedConnectionKey())
        return (driver, await driver.join(idle: idle))
    }

    private func joinedDriver(_ key: SharedConnectionKey) -> ConnectionDriver {
        // A client that closes refuses what is new, however long those who are there may stay (B170).
        let isOpen = !context.isClosed
        if isOpen, let driver = context.shared.join(key, or: nil as ConnectionDriver?) { return driver }
        // Made under no lock: that asks the user's own code for the request's context.
        let made = ConnectionDriver(handle: self, options: ConnectOptions(), shareKey: key)
        // One that is refused because of its task is for that alone (B318).
        let driver = isOpen && context.tokenError == nil ? context.shared.join(key, or: made) ?? made : made
        if driver === made { made.start() }
        return driver
    }

    nonisolated(nonsending) private func sharedConnectionKey() async -> SharedConnectionKey {
        let target: SharedConnectionKey.Target =
            switch query {
            case .id(_, let id): .id(id)
            case .get(_, let key): .get(key)
            case .getOrCreate(_, let key, _): .getOrCreate(key)
            }
        return SharedConnectionKey(
            actorName: ExactName(query.actorName),
            target: target,
            parameters: await sharedParameters(),
            skipsReadyWait: skipsReadyWait(nil)
        )
    }

    nonisolated(nonsending) private func sharedParameters() async -> SharedConnectionKey.Parameters {
        do {
            guard !options.parameters.isProvided else { return .handle(ObjectIdentifier(self)) }
            return try await options.parameters.encode().map { .encoded(Array($0)) } ?? .none
        } catch {
            // For the connection to tell.
            return .handle(ObjectIdentifier(self))
        }
    }
}

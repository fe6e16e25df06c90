// SPDX-License-Identifier: Apache-2.0

// What `dump` and mirrors see of what holds tokens, parameters and payloads inside: names, and nothing that changes
// while it is looked at.

extension RivetClient: CustomReflectable {
    /// Shows the configuration.
    public nonisolated var customMirror: Mirror {
        Mirror(self, children: ["configuration": context.configuration], displayStyle: .class)
    }
}

extension ActorHandle: CustomReflectable {
    /// Shows the actor's name.
    public var customMirror: Mirror {
        Mirror(self, children: ["actor": core.query.actorName], displayStyle: .struct)
    }
}

extension ActorConnection: CustomReflectable {
    /// Shows the actor's name and the status.
    public nonisolated var customMirror: Mirror {
        Mirror(
            self,
            children: ["actor": driver.handle.query.actorName, "status": status.current],
            displayStyle: .class
        )
    }
}

extension ActorWebSocket: CustomReflectable {
    /// Shows nothing.
    public nonisolated var customMirror: Mirror { Mirror(self, children: [], displayStyle: .class) }
}

extension CreateOptions: CustomReflectable {
    /// Shows everything but the input, of which it says whether there is one.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: ["input": input == nil ? "none" : "…", "region": region as Any, "poolName": poolName as Any],
            displayStyle: .struct
        )
    }
}

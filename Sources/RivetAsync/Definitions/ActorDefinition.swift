// SPDX-License-Identifier: Apache-2.0

/// A kind of actor: the name under which the server knows it.
///
/// Usually an empty enumeration, `enum Counter: ActorDefinition {}`. Actions, events and queue messages name it as
/// their target or source, so an action of another kind of actor does not compile on a handle.
public protocol ActorDefinition: Sendable {
    /// The name on the server, as it was registered there.
    ///
    /// Default: the type's own name, first word in lower case (`Counter` → `counter`, `URLCheck` → `urlCheck`), a
    /// nested type by its last component, a generic one by its base name. The server takes any text that is not empty.
    static var actorName: String { get }
}

extension ActorDefinition {
    /// The name made from the type's own.
    public static var actorName: String { DefaultName.of(Self.self) }
}

/// The definition of handles that were made by a name given at run time.
public enum Untyped: ActorDefinition {
    /// Empty: the handle carries the real name.
    public static var actorName: String { "" }
}

// SPDX-License-Identifier: Apache-2.0

/// A call to an actor: its arguments are the properties, its result the associated type.
///
/// ```swift
/// struct Increment: ActorAction { typealias Target = Counter; typealias Output = Int; var amount: Int }
/// ```
public protocol ActorAction: Codable, Sendable {
    /// The kind of actor that has this action.
    associatedtype Target: ActorDefinition
    /// What the actor returns; without one, ``NoValue``.
    associatedtype Output: Codable & Sendable = NoValue

    /// The name on the server. Default: from the type's name, as for ``ActorDefinition/actorName``.
    static var actionName: String { get }
    /// How the properties become arguments. Default: ``ArgumentStyle/object``.
    static var argumentStyle: ArgumentStyle { get }
}

extension ActorAction {
    /// The name made from the type's own.
    public static var actionName: String { DefaultName.of(Self.self) }
    /// One map argument with the properties by name.
    public static var argumentStyle: ArgumentStyle { .object }
}

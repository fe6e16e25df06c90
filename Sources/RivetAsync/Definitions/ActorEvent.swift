// SPDX-License-Identifier: Apache-2.0

/// Something that an actor tells its connections: the event's arguments are the properties.
///
/// ```swift
/// struct NewCount: ActorEvent { typealias Source = Counter; var count: Int }
/// ```
public protocol ActorEvent: Codable, Sendable {
    /// The kind of actor that sends this event.
    associatedtype Source: ActorDefinition

    /// The name on the server. Default: from the type's name, as for ``ActorDefinition/actorName``.
    static var eventName: String { get }
    /// How arguments become the properties. Default: ``ArgumentStyle/object``.
    static var argumentStyle: ArgumentStyle { get }
}

extension ActorEvent {
    /// The name made from the type's own.
    public static var eventName: String { DefaultName.of(Self.self) }
    /// One map argument with the properties by name.
    public static var argumentStyle: ArgumentStyle { .object }
}

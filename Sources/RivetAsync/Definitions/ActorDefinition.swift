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
    /// How its actions and events have their arguments, unless they say otherwise.
    ///
    /// Default: ``ArgumentStyle/object``, as an actor in Rust takes them. For an actor in JavaScript write
    /// `static var argumentStyle: ArgumentStyle { .positional }`: one that takes `n` and gets `{"n":1}` may go on with
    /// text such as `0[object Object]`, and keep it in its state.
    static var argumentStyle: ArgumentStyle { get }
}

extension ActorDefinition {
    /// The name made from the type's own.
    public static var actorName: String { DefaultName.of(Self.self) }
    /// One map argument with the properties by name.
    public static var argumentStyle: ArgumentStyle { .object }
}

/// The definition of handles that were made by a name given at run time.
public enum Untyped: ActorDefinition {
    /// Empty: the handle carries the real name.
    public static var actorName: String { "" }
}

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
    /// How the properties become arguments. Default: ``ActorDefinition/argumentStyle`` of ``Target``.
    static var argumentStyle: ArgumentStyle { get }
}

extension ActorAction {
    /// The name made from the type's own.
    public static var actionName: String { DefaultName.of(Self.self) }
    /// That of the actor.
    public static var argumentStyle: ArgumentStyle { Target.argumentStyle }
}

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
    /// How arguments become the properties. Default: ``ActorDefinition/argumentStyle`` of ``Source``.
    static var argumentStyle: ArgumentStyle { get }
}

extension ActorEvent {
    /// The name made from the type's own.
    public static var eventName: String { DefaultName.of(Self.self) }
    /// That of the actor.
    public static var argumentStyle: ArgumentStyle { Source.argumentStyle }
}

/// A message for one of an actor's queues; it is stored as one value, in the order of arrival.
public protocol ActorQueueMessage: Codable, Sendable {
    /// The kind of actor that has this queue.
    associatedtype Target: ActorDefinition
    /// What the actor answers on completion, where the sender waits; without one, ``NoValue``.
    associatedtype Reply: Codable & Sendable = NoValue

    /// The name on the server. Default: from the type's name, as for ``ActorDefinition/actorName``.
    static var queueName: String { get }
}

extension ActorQueueMessage {
    /// The name made from the type's own.
    public static var queueName: String { DefaultName.of(Self.self) }
}

/// How the properties of an action or event stand in its list of arguments.
///
/// Nothing on the wire tells which one an actor expects, so a wrong choice shows only when it runs.
public enum ArgumentStyle: Sendable {
    /// One argument, a map with the properties by name: what an actor in Rust takes for a struct. The default.
    case object
    /// One argument for each property, in the order of their declaration: what an actor in JavaScript takes.
    /// A property that is `nil` is written as null, so that it never shifts those behind it.
    case positional
}

/// The result of an action that returns nothing.
///
/// Null, undefined and no bytes at all decode to it. Any other value does too and is dropped, so a result can be
/// ignored without naming its type. It is written as null.
public struct NoValue: Codable, Sendable, Hashable {
    /// Makes the one value there is.
    public init() {}

    /// Reads nothing: whatever stands there is accepted.
    public init(from decoder: any Decoder) throws {}

    /// Writes null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encodeNil()
    }
}

extension ArgumentStyle {
    /// What is asked where a value does not decode, since a wrong choice shows in nothing else; empty where it is not
    /// likely.
    var question: String {
        switch self {
        case .object:
            "; is the actor written in JavaScript? It takes arguments by position (argumentStyle), and what it was given "
                + "as one object may have spoilt its state"
        case .positional: ""
        }
    }
}

// SPDX-License-Identifier: Apache-2.0

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

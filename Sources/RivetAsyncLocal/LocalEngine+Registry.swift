// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

extension LocalEngine {
    /// The kinds of actors that an engine runs, by name; the last of several with one name counts.
    public struct Registry: ~Copyable {
        var kinds: [String: ErasedKind] = [:]

        /// A kind of actors that all begin with the same state.
        public mutating func actor<D: ActorDefinition, State: Sendable>(
            _: D.Type,
            state: State,
            _ define: (inout ActorKind<D, State>) -> Void
        ) {
            actor(D.self, state: { _, _ in state }, define)
        }

        /// A kind of actors whose first state comes from the input and key that they are created with; throwing makes
        /// the actor's start fail.
        public mutating func actor<D: ActorDefinition, State: Sendable>(
            _: D.Type,
            state: @escaping @Sendable (CreationInput, ActorKey) async throws -> State,
            _ define: (inout ActorKind<D, State>) -> Void
        ) {
            var kind = ActorKind<D, State>(state: state)
            define(&kind)
            kinds[D.actorName] = kind.erased
        }
    }
}

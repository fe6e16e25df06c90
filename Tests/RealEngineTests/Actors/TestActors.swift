// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// The actors that the checks use, in Swift, for the local engine; what they are elsewhere is in `README.md`.
enum TestActors {
    static func register(in engine: inout LocalEngine.Registry) {
        engine.actor(Counter.self, state: 0) { Counter.define(&$0) }
        engine.actor(RustCounter.self, state: 0) { RustCounter.define(&$0) }
        engine.actor(Echo.self, state: NoValue()) { Echo.define(&$0) }
        engine.actor(WithInput.self, state: { input, _ in try WithInput.seen(input) }) { WithInput.define(&$0) }
        engine.actor(Values.self, state: NoValue()) { Values.define(&$0) }
        engine.actor(Errors.self, state: NoValue()) { Errors.define(&$0) }
        engine.actor(Hooks.self, state: .init(connected: 0, disconnected: 0)) { Hooks.define(&$0) }
        engine.actor(Queues.self, state: []) { Queues.define(&$0) }
        engine.actor(Silent.self, state: NoValue()) { Silent.define(&$0) }
        engine.actor(Narrow.self, state: NoValue()) { Narrow.define(&$0) }
        engine.actor(Raw.self, state: NoValue()) { Raw.define(&$0) }
        engine.actor(Sleeper.self, state: 0) { Sleeper.define(&$0) }
        engine.actor(Doomed.self, state: NoValue()) { Doomed.define(&$0) }
        engine.actor(Hasty.self, state: NoValue()) { Hasty.define(&$0) }
        engine.actor(Unstartable.self, state: NoValue()) { Unstartable.define(&$0) }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What ends a call from outside: its deadline or the cancellation of its task, whichever comes first.
final class HTTPCallStop: Sendable {
    private struct State {
        var error: (any Error)?
        var action: (@Sendable (any Error) -> Void)?
        var timer: DeadlineScheduler.ID?
        var isOver = false
    }

    private let state = Mutex(State())
    let scheduler: DeadlineScheduler

    init(scheduler: DeadlineScheduler) {
        self.scheduler = scheduler
    }

    /// Why the call was stopped.
    var error: (any Error)? { state.withLock { $0.error } }

    /// To be ended: until then the timer holds it.
    func setDeadline(_ deadline: TimePoint) {
        let timer = scheduler.schedule(at: deadline) { [self] in stop(DeadlinePassedError()) }
        let isOver = state.withLock { state in
            state.timer = timer
            return state.isOver
        }
        if isOver { scheduler.cancel(timer) }
    }

    func stop(_ error: any Error) {
        let action: (@Sendable (any Error) -> Void)? = state.withLock { state in
            guard state.error == nil, !state.isOver else { return nil }
            state.error = error
            return state.action.take()
        }
        action?(error)
    }

    /// `action` replaces the one before it; it is called at most once, at once when the call was stopped already.
    func onStop(_ action: @escaping @Sendable (any Error) -> Void) {
        let error = state.withLock { state in
            if state.error == nil, !state.isOver { state.action = action }
            return state.error
        }
        if let error { action(error) }
    }

    func removeAction() {
        state.withLock { $0.action = nil }
    }

    /// Nothing stops the call any more, and its timer is gone.
    func end() {
        let timer = state.withLock { state in
            state.isOver = true
            state.action = nil
            return state.timer.take()
        }
        if let timer { scheduler.cancel(timer) }
    }
}

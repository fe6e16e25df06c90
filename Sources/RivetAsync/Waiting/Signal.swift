// SPDX-License-Identifier: Apache-2.0

/// Something that happens once; any number of tasks may wait for it.
package final class Signal: Sendable {
    private let state: Monitor<Bool>

    /// `gauge` counts the tasks that wait.
    package init(gauge: ResourceGauge) { state = Monitor(false, gauge: gauge) }

    package var isSet: Bool { state.current }

    package func set() { state.update { $0 = true } }

    /// Returns when the signal is set or the task is cancelled.
    package func wait() async { _ = await state.first { $0 ? true : nil } }

    /// Returns when the signal is set, whatever happens to the task.
    ///
    /// Only for signals that are sure to come.
    package func waitUncancellably() async { _ = await state.firstUncancellably { $0 ? true : nil } }
}

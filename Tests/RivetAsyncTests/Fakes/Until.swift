// SPDX-License-Identifier: Apache-2.0

/// Lets others run until `condition` holds.
///
/// - Throws: `CancellationError` when the test is over before that.
func until(_ condition: () -> Bool) async throws {
    while !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}

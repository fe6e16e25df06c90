// SPDX-License-Identifier: Apache-2.0

/// What lives as long as its client at the most, as a child of its root task: a connection.
protocol ClientMember: AnyObject, Sendable {
    /// Its whole life; cancelling the task ends it.
    func run() async
    /// Ends it, with what its callers hear, and returns when it has ended.
    func disconnect(_ reason: RivetError) async
}

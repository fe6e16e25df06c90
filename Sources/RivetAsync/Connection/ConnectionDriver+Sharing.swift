// SPDX-License-Identifier: Apache-2.0

/// A connection with several users, each of whom ends alone; without a share it has one, and ends with it.
extension ConnectionDriver {
    func join(idle: Duration) -> ConnectionShare {
        let share = ConnectionShare(
            idle: idle,
            statuses: Broadcast(capacity: 64, replaying: statuses.latest, gauge: context.gauge)
        )
        if case .closed = statuses.latest { share.statuses.finish() }
        shares[ObjectIdentifier(share)] = share
        sharesChanged()
        return share
    }

    /// What the user waits for fails and its sequences end, as at the end of the connection, which goes on.
    ///
    /// Returns at once, or where the connection ends with it, when it has ended.
    nonisolated func disconnect(_ share: ConnectionShare?) async {
        guard let share else { return await disconnect() }
        await leave(share)
    }

    private func leave(_ share: ConnectionShare) async {
        if share.leave() {
            shares[ObjectIdentifier(share)] = nil
            step { $0.withdraw(share.actions.sorted(), .connectionClosed) }
            share.report(.closed(.requested))
            events.settle()
            for feed in share.feeds.values { removeFeed(feed, share) }
            sharesChanged()
            if let shareKey, context.shared.leave(shareKey, self, idle: share.idle) { await disconnect() }
        }
        if machine.isOver { await disconnect() }
    }

    // MARK: Rest

    /// Returns when the connection rests, or is not to: where it has other users, they have to ask for it too.
    func pause(_ share: ConnectionShare?) async {
        guard let share else { return await pause() }
        guard !share.hasLeft else { return }
        share.wantsPause = true
        if sharesChanged() { await pause() }
    }

    nonisolated func resume(_ share: ConnectionShare?) {
        guard let share else { return resume() }
        lane.run {
            self.assumeIsolated { driver in
                guard !share.hasLeft else { return }
                share.wantsPause = false
                driver.sharesChanged()
            }
        }
    }

    /// It rests where all who use it want that; without anybody it stays as it is.
    ///
    /// Returns true where it is to rest.
    @discardableResult
    private func sharesChanged() -> Bool {
        let wantsPause = shares.values.allSatisfy(\.wantsPause)
        guard !shares.isEmpty, wantsPause != machine.wantsPause else { return wantsPause }
        step { if wantsPause { $0.pauseRequested() } else { $0.resumeRequested(now: context.time.now) } }
        return wantsPause
    }
}

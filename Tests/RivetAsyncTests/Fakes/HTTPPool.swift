// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A pool of HTTP connections on one lane, made by a dialer of the test's choice.
struct HTTPPool: Sendable {
    let pool: HTTPConnectionPool
    let lanes: LaneGroup
    let gauge = ResourceGauge()
    private let root: RootTask

    init(_ dialer: any Dialer, _ clock: any Clock<Duration> = ContinuousClock()) {
        let time = TimeSource(clock)
        let scheduler = DeadlineScheduler(time: time)
        root = RootTask(gauge: gauge)
        root.add { await scheduler.run() }
        lanes = LaneGroup(count: 1, gauge: gauge)
        pool = HTTPConnectionPool(
            lanes: lanes,
            root: root,
            time: time,
            scheduler: scheduler,
            gauge: gauge
        ) { origin, lane, deadline in
            try await dialer.dial(
                .init(
                    host: origin.host,
                    port: origin.port,
                    lane: lane,
                    deadline: deadline.map { Deadline($0, scheduler) },
                    time: time
                )
            )
        }
    }

    func origin(_ port: Int) -> HTTPOrigin { HTTPOrigin(host: "127.0.0.1", port: port, isSecure: false) }

    /// Closes everything and returns what is left.
    func close() async -> ResourceGauge.Counts {
        await pool.close()
        root.cancel()
        await root.wait()
        await lanes.shutDown()
        return gauge.counts
    }
}

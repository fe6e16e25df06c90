// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// A lane of its own for one test, which shows what is left on it.
struct TLSClient: Sendable {
    let gauge = ResourceGauge()
    let lane: Lane
    let dialer: TLSDialer

    init(_ options: TLSOptions) {
        lane = Lane(label: "tls.test", gauge: gauge)
        dialer = TLSDialer(over: SocketDialer(), options: options)
    }

    func dial(port: Int, deadline: TimePoint? = nil, time: TimeSource? = nil) async throws -> any ByteStream {
        let time = time ?? TimeSource(ContinuousClock())
        return try await dialer.dial(
            .init(
                host: "127.0.0.1",
                port: port,
                lane: lane,
                deadline: deadline.map { Deadline($0, DeadlineScheduler(time: time)) },
                time: time
            )
        )
    }

    func descriptorsAfterShutDown() async -> Int {
        await lane.shutDown()
        return gauge.descriptors.load(ordering: .sequentiallyConsistent)
    }
}

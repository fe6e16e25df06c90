// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Synchronization
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DialerTests {
    private let clock = TestClock()
    private let gauge = ResourceGauge()

    private var time: TimeSource { TimeSource(clock) }

    // MARK: Racing (RFC 8305)

    @Test func anAddressThatDropsPacketsCostsAQuarterOfASecondAndNoMore() async throws {
        let silent = try SilentAddress()
        defer { silent.close() }
        try await withLanes { lanes in
            let listener = try await TCPListener.listen(lanes: lanes) { socket in socket.lane.run { socket.close() } }
            let dialer = SocketDialer(resolver: FakeResolver([silent.address, listener.localAddress]))
            let dialing = Task { [time] in
                try await dialer.dial(.init(host: "two", port: 80, lane: lanes.next(), time: time))
            }
            await clock.waitForSleepers()
            await clock.advance(by: .milliseconds(249))
            #expect(clock.sleeperCount == 1, "still waiting for the first address")
            await clock.advance(by: .milliseconds(1))
            let stream = try await dialing.value
            #expect(clock.sleeperCount == 0)
            await stream.lane.perform { stream.close() }
            await listener.close()
        }
    }

    @Test func anAddressThatRefusesMakesTheNextOneBeTriedAtOnce() async throws {
        try await withLanes { lanes in
            let listener = try await TCPListener.listen(lanes: lanes) { socket in socket.lane.run { socket.close() } }
            let refusing = try RefusingAddress()
            defer { refusing.close() }
            let dialer = SocketDialer(resolver: FakeResolver([refusing.address, listener.localAddress]))
            let stream = try await dialer.dial(.init(host: "two", port: 80, lane: lanes.next(), time: time))
            await stream.lane.perform { stream.close() }
            await listener.close()
        }
    }

    @Test func whenAllFailOneErrorNamesEachWithItsReason() async throws {
        let addresses = [try RefusingAddress(), try RefusingAddress()]
        defer { for address in addresses { address.close() } }
        let (first, second) = (addresses[0].address, addresses[1].address)
        let text =
            "no address of none was reached: \(first): connect: Connection refused (errno 111); "
            + "\(second): connect: Connection refused (errno 111)"
        try await withLanes { lanes in
            let dialer = SocketDialer(resolver: FakeResolver([first, second]))
            let refused = TransportError.system(.connect, .connectionRefused)
            let expected = TransportError.noAddressReached(
                host: "none",
                attempts: [
                    TransportError.Attempt(address: first.description, error: refused),
                    TransportError.Attempt(address: second.description, error: refused),
                ]
            )
            await #expect(throws: expected) {
                _ = try await dialer.dial(.init(host: "none", port: 80, lane: lanes.next(), time: time))
            }
            #expect(expected.description == text)
        }
    }

    @Test func theFamiliesTakeTurnsAndIPv6IsFirst() {
        func v4(_ last: UInt32) -> SocketAddress { SocketAddress(ip: .v4(0x0A00_0000 + last), port: 1) }
        func v6(_ last: UInt128) -> SocketAddress { SocketAddress(ip: .v6(last, zone: 0), port: 1) }
        #expect(
            SocketDialer.interleaved([v4(1), v4(2), v4(3), v6(1), v6(2)]) == [v6(1), v4(1), v6(2), v4(2), v4(3)]
        )
        #expect(SocketDialer.interleaved([v6(1), v6(2), v4(1)]) == [v6(1), v4(1), v6(2)])
        #expect(SocketDialer.interleaved([]) == [])
    }

    @Test func ipLiteralsNeedNoResolver() async throws {
        try await withLanes { lanes in
            let listener = try await TCPListener.listen(lanes: lanes) { socket in socket.lane.run { socket.close() } }
            let dialer = SocketDialer(resolver: FakeResolver { _ in fatalError("asked") })
            let stream = try await dialer.dial(
                .init(host: "127.0.0.1", port: listener.localPort, lane: lanes.next(), time: time)
            )
            await stream.lane.perform { stream.close() }
            await listener.close()
        }
    }

    @Test func aNameThatIsNotResolvedIsTheResolversError() async throws {
        let error = TransportError.nameNotResolved(host: "nowhere", reason: "no such name")
        try await withLanes { lanes in
            let dialer = SocketDialer(resolver: FakeResolver { _ in throw error })
            await #expect(throws: error) {
                _ = try await dialer.dial(.init(host: "nowhere", port: 80, lane: lanes.next(), time: time))
            }
        }
    }

    @Test func aPortOutOfRangeIsAnError() async throws {
        try await withLanes { lanes in
            await #expect(throws: TransportError.system(.connect, .addressNotAvailable)) {
                _ = try await SocketDialer().dial(
                    .init(host: "127.0.0.1", port: 65_536, lane: lanes.next(), time: time)
                )
            }
        }
    }

    // MARK: Deadlines and cancellation

    @Test func theDeadlineEndsAResolution() async throws {
        try await withLanes { lanes in
            let dialer = SocketDialer(resolver: FakeResolver(neverAnswering))
            let dialing = dial(dialer, lanes, deadline: .seconds(5))
            await clock.waitForSleepers()
            await clock.advance(by: .seconds(5))
            await #expect(throws: TransportError.deadlinePassed(.resolving, host: "host", attempts: [])) {
                _ = try await dialing.value
            }
        }
    }

    @Test(arguments: ["host", "127.0.0.2"])
    func theDeadlineEndsAnAttempt(host: String) async throws {
        let silent = try SilentAddress()
        defer { silent.close() }
        try await withLanes { lanes in
            let dialer = SocketDialer(resolver: FakeResolver([silent.address]))
            let dialing = dial(dialer, lanes, host: host, port: silent.address.port, deadline: .seconds(5))
            await clock.waitForSleepers()
            try await until { gauge.counts.descriptors == 3 }
            await clock.advance(by: .seconds(5))
            let text = "the deadline passed while connecting to \(host): \(silent.address): no answer"
            let attempt = TransportError.Attempt(address: silent.address.description, error: nil)
            let expected = TransportError.deadlinePassed(.connecting, host: host, attempts: [attempt])
            await #expect(throws: expected) { _ = try await dialing.value }
            #expect(expected.description == text)
            #expect(gauge.counts == .init(descriptors: 2), "what is left is the lane's")
        }
    }

    /// A literal's deadline has no task of its own: it may come before the attempt begins, or behind its success.
    @Test func theDeadlineOfALiteralAtAnyMomentLeavesNoDescriptor() async throws {
        try await withLanes { lanes in
            let listener = try await TCPListener.listen(lanes: lanes) { socket in socket.lane.run { socket.close() } }
            for passes in [Duration.zero, .microseconds(20), .microseconds(50), .microseconds(100), .microseconds(200)]
            {
                for _ in 0..<20 {
                    let time = TimeSource(ContinuousClock())
                    let scheduler = DeadlineScheduler(time: time)
                    let running = Task { await scheduler.run() }
                    let lane = lanes.next()
                    let deadline = Deadline(time.now.advanced(by: passes), scheduler)
                    do {
                        let stream = try await SocketDialer().dial(
                            .init(
                                host: "127.0.0.1",
                                port: listener.localPort,
                                lane: lane,
                                deadline: deadline,
                                time: time
                            )
                        )
                        await lane.perform { stream.close() }
                    } catch {
                        let address = "127.0.0.1:\(listener.localPort)"
                        let attempt = TransportError.Attempt(address: address, error: nil)
                        let expected = TransportError.deadlinePassed(
                            .connecting,
                            host: "127.0.0.1",
                            attempts: [attempt]
                        )
                        #expect(error as? TransportError == expected)
                    }
                    running.cancel()
                    await running.value
                }
            }
            await listener.close()
        }
    }

    @Test func cancellingEndsAResolutionWithoutFurtherTime() async throws {
        try await withLanes { lanes in
            let dialer = SocketDialer(resolver: FakeResolver(neverAnswering))
            let dialing = dial(dialer, lanes, deadline: .seconds(5))
            await clock.waitForSleepers()
            dialing.cancel()
            await #expect(throws: CancellationError.self) { _ = try await dialing.value }
            #expect(clock.sleeperCount == 0)
        }
    }

    @Test func cancellingEndsAnAttemptWithoutFurtherTime() async throws {
        let silent = try SilentAddress()
        defer { silent.close() }
        try await withLanes { lanes in
            let dialer = SocketDialer(resolver: FakeResolver([silent.address, silent.address]))
            let dialing = dial(dialer, lanes, deadline: .seconds(5))
            await clock.waitForSleepers(2)
            try await until { gauge.counts.descriptors == 3 }
            dialing.cancel()
            await #expect(throws: CancellationError.self) { _ = try await dialing.value }
            #expect(gauge.counts == .init(descriptors: 2))
            #expect(clock.sleeperCount == 0)
        }
    }

    @Test func aTaskCancelledBeforehandDialsNothing() async throws {
        try await withLanes { lanes in
            let dialing = Task { [time] in
                withUnsafeCurrentTask { $0?.cancel() }
                return try await SocketDialer().dial(.init(host: "127.0.0.1", port: 9, lane: lanes.next(), time: time))
            }
            await #expect(throws: CancellationError.self) { _ = try await dialing.value }
        }
    }

    /// Cancelled at every moment around the connection's completion: either the caller has the stream, or nobody.
    @Test func cancellationAtAnyMomentLeavesNoDescriptor() async throws {
        try await withLanes { lanes in
            let listener = try await TCPListener.listen(lanes: lanes) { socket in socket.lane.run { socket.close() } }
            let dialer = SocketDialer()
            for yields in 0..<200 {
                let lane = lanes.next()
                let dialing = Task { [time] in
                    try await dialer.dial(
                        .init(
                            host: "127.0.0.1",
                            port: listener.localPort,
                            lane: lane,
                            deadline: Deadline(TimePoint(.seconds(5)), DeadlineScheduler(time: time)),
                            time: time
                        )
                    )
                }
                for _ in 0..<(yields % 50) { await Task.yield() }
                dialing.cancel()
                if let stream = try? await dialing.value { await lane.perform { stream.close() } }
            }
            await listener.close()
        }
    }

    // MARK: Memory

    @Test func theMemoryDialerReachesAListener() async throws {
        let network = MemoryNetwork()
        try await withLanes { lanes in
            let port = try network.listen(lanes: lanes) { stream in
                stream.write { $0.append([1, 2]) }
                stream.finishWriting()
            }
            let dialer = MemoryDialer(network: network)
            let stream = try await dialer.dial(.init(host: "any", port: port, lane: lanes.next(), time: time))
            let handler = RecordingHandler()
            await stream.setHandlerLater(handler)
            #expect(await handler.untilEnd().bytes == [1, 2])
            await stream.lane.perform { stream.close() }
            #expect(throws: TransportError.system(.bind, .addressInUse)) {
                _ = try network.listen(port: port, lanes: lanes) { _ in }
            }
            network.stopListening(port: port)
            let refused = TransportError.Attempt(
                address: "memory:\(port)",
                error: .system(.connect, .connectionRefused)
            )
            await #expect(throws: TransportError.noAddressReached(host: "any", attempts: [refused])) {
                _ = try await dialer.dial(.init(host: "any", port: port, lane: lanes.next(), time: time))
            }
        }
    }

    // MARK: Support

    private func withLanes(_ body: (LaneGroup) async throws -> Void) async throws {
        let lanes = LaneGroup(count: 1, gauge: gauge)
        try await body(lanes)
        await lanes.shutDown()
        #expect(gauge.counts == .zero)
    }

    private func dial(
        _ dialer: SocketDialer,
        _ lanes: LaneGroup,
        host: String = "host",
        port: UInt16 = 80,
        deadline: Duration
    ) -> Task<any ByteStream, any Error> {
        Task { [time] in
            let scheduler = DeadlineScheduler(time: time)
            async let _ = scheduler.run()
            let deadline = Deadline(time.now.advanced(by: deadline), scheduler)
            return try await dialer.dial(
                .init(host: host, port: Int(port), lane: lanes.next(), deadline: deadline, time: time)
            )
        }
    }

    @Sendable private func neverAnswering(_ port: UInt16) async throws -> [SocketAddress] {
        await Signal().wait()
        throw CancellationError()
    }
}

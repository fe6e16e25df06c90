// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync
import Synchronization
import Testing

/// Autobahn's test suite, both ways; `Tests/Autobahn/run.sh` sets it up and runs it in release.
@Suite(.leavesNothing, .serialized, .timeLimit(.minutes(15)))
struct AutobahnTests {
    private static let wstest = ProcessInfo.processInfo.environment["RIVET_AUTOBAHN"]
    private static let cases = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]

    @Test func saysThatItDidNotRun() {
        if Self.wstest == nil { print("Autobahn's suite did not run; Tests/Autobahn/run.sh runs it") }
    }

    @Test(.enabled(if: wstest != nil)) func clientAgainstFuzzingServer() async throws {
        try await withAutobahn("fuzzingserver", role: .client) { suite, _ in
            let count = try await suite.caseCount()
            #expect(count > 300)
            for number in 1...max(count, 1) { try await suite.runCase("/runCase?case=\(number)&agent=client") }
            try await suite.runCase("/updateReports?agent=client")
        }
    }

    @Test(.enabled(if: wstest != nil)) func serverAgainstFuzzingClient() async throws {
        try await withAutobahn("fuzzingclient", role: .server) { _, wstest in
            await wstest.ended()
        }
    }

    // MARK: The suite's process

    private struct Suite {
        let port: UInt16
        let lanes: LaneGroup
        let configuration: WebSocketStateMachine.Configuration
        let deadlines: DeadlineScheduler
        let time: TimeSource

        func caseCount() async throws -> Int {
            let text = try await runCase("/getCaseCount").first.map { String(decoding: $0, as: UTF8.self) }
            return text.flatMap { Int($0) } ?? 0
        }

        /// Echoes until the server ends the case; returns what came.
        @discardableResult
        func runCase(_ target: String) async throws -> [ByteChunk] {
            let echo = Echo()
            let stream = try await TCPSocket.connect(to: .loopback(port: port), lane: lanes.next())
            let handshake = try WebSocketHandshake(
                target: target,
                host: "127.0.0.1:\(port)",
                nonce: RandomSource.kernel.bytes(16)
            )
            _ = try await WebSocketConnection.open(handshake, over: stream) { _, _ in connection(stream, echo) }
            await echo.finished.wait()
            return echo.first.withLock { $0 }
        }

        func connection(_ stream: any ByteStream, _ echo: Echo) -> WebSocketConnection {
            let keys = WebSocketMaskingKeys(fill: RandomSource.kernel.stream())
            let connection = WebSocketConnection(
                stream: stream,
                handler: echo,
                configuration: configuration,
                maskingKeys: configuration.role == .client ? keys : nil,
                time: time,
                deadlines: deadlines
            )
            echo.connection = connection
            return connection
        }
    }

    /// Sends back each message, within the call that brought it.
    private final class Echo: WebSocketHandler, @unchecked Sendable {
        let finished = Signal()
        let first = Mutex<[ByteChunk]>([])
        var connection: WebSocketConnection?

        func received(_ messages: WebSocketReceivedMessages) {
            for message in messages {
                message.payload.withUnsafeBytes { bytes in
                    guard message.isText else { return connection?.send(binary: bytes) ?? () }
                    connection?.send(text: bytes)
                }
                if message.isText { first.withLock { if $0.isEmpty { $0.append(message.payload) } } }
            }
        }
        func received(pong: ByteChunk) {}
        func receivedAll() {}
        func writable() {}
        func ended(_ ending: WebSocketEnding) {}
        func streamClosed() {
            connection = nil
            finished.set()
        }
    }

    private func withAutobahn(
        _ mode: String,
        role: WebSocketRole,
        _ body: (Suite, ChildProcess) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "autobahn-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }

        let gauge = ResourceGauge()
        let lanes = LaneGroup(count: 1, gauge: gauge)
        let time = TimeSource(ContinuousClock())
        let deadlines = DeadlineScheduler(time: time)
        let background = Task { await deadlines.run() }
        // A port that was free a moment ago is the server's; ours is known when it listens.
        let suiteBox = Mutex<Suite?>(nil)
        let listener = try await TCPListener.listen(lanes: lanes) { stream in
            guard let suite = suiteBox.withLock({ $0 }) else { return stream.close() }
            stream.setHandler(WebSocketAcceptor(stream) { _ in suite.connection(stream, Echo()) })
        }
        let port = UInt16(listener.localPort)
        if role == .client { await listener.close() }

        let suite = Suite(
            port: port,
            lanes: lanes,
            configuration: .init(role: role, limits: WebSocketLimits(), closeTimeout: .seconds(5)),
            deadlines: deadlines,
            time: time
        )
        suiteBox.withLock { $0 = suite }
        let wstest = try start(mode, port, directory)
        if role == .client { try await waitUntilListening(port, lanes.next()) }
        try await body(suite, wstest)
        await wstest.stop()
        await listener.close()
        background.cancel()
        await lanes.shutDown()
        #expect(gauge.counts == .zero)
        try compare(role, directory)
    }

    private func start(_ mode: String, _ port: UInt16, _ directory: URL) throws -> ChildProcess {
        let specification: [String: Any] = [
            "url": "ws://127.0.0.1:\(port)", "outdir": directory.path, "cases": Self.cases, "exclude-cases": [String](),
            "exclude-agent-cases": [String: [String]](), "options": ["failByDrop": false],
            "servers": [["agent": "server", "url": "ws://127.0.0.1:\(port)"]],
        ]
        let file = directory.appending(path: "specification.json")
        try JSONSerialization.data(withJSONObject: specification).write(to: file)
        return try ChildProcess(Self.wstest ?? "", ["-m", mode, "-s", file.path, "--webport", "0"])
    }

    /// In real time: it is a program of others, which says nothing when it listens.
    private func waitUntilListening(_ port: UInt16, _ lane: Lane) async throws {
        for _ in 0..<300 {
            if let stream = try? await TCPSocket.connect(to: .loopback(port: port), lane: lane) {
                return await lane.perform { stream.close() }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("wstest does not listen")
    }

    // MARK: The table

    private func compare(_ role: WebSocketRole, _ directory: URL) throws {
        let index = try JSONSerialization.jsonObject(with: Data(contentsOf: directory.appending(path: "index.json")))
        let name = role == .client ? "client" : "server"
        let cases = (index as? [String: [String: [String: Any]]])?[name] ?? [:]
        let results = cases.mapValues { "\($0["behavior"] ?? "") / \($0["behaviorClose"] ?? "")" }
        #expect(results.count > 300)

        let table = URL(fileURLWithPath: #filePath).appending(path: "../../../Autobahn/expected-results.json")
            .standardized
        let data = (try? Data(contentsOf: table)) ?? Data("{}".utf8)
        var expected = (try JSONSerialization.jsonObject(with: data) as? [String: [String: String]]) ?? [:]
        for (number, result) in results.sorted(by: { $0.key.localizedStandardCompare($1.key) == .orderedAscending }) {
            #expect(Self.isStrict(result), "case \(number), \(name)'s role: \(result)")
            if let before = expected[name]?[number] {
                #expect(Self.rank(result) <= Self.rank(before), "case \(number): \(result), was \(before)")
            }
        }
        #expect(Set(results.keys).isSuperset(of: expected[name]?.keys ?? [:].keys), "no case may be missing")
        if ProcessInfo.processInfo.environment["RIVET_AUTOBAHN_UPDATE"] != nil {
            expected[name] = results
            let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys]
            try (JSONSerialization.data(withJSONObject: expected, options: options) + Data("\n".utf8)).write(to: table)
        }
    }

    private static func rank(_ result: String) -> Int {
        result.components(separatedBy: " / ").map { ["OK", "INFORMATIONAL", "NON-STRICT"].firstIndex(of: $0) ?? 3 }
            .max() ?? 3
    }

    private static func isStrict(_ result: String) -> Bool { rank(result) <= 1 }
}

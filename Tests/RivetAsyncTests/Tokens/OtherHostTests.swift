// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// The token goes to the endpoint's own host and to no other, whoever names one.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct OtherHostTests {
    /// Everything that can be done with a handle; what comes of it is not looked at.
    static func useAll(_ client: RivetClient) async {
        for handle in [client.getForID("a", "x"), client.getOrCreate("a", ["k"])] {
            _ = try? await handle.action("b") as NoValue
            try? await handle.enqueue("b", 1)
            _ = try? await handle.fetch(ActorRequest("b"))
            _ = try? await handle.webSocket("b")
            _ = try? await handle.connect(ConnectOptions(reconnect: ReconnectPolicy(maxAttempts: 1)))
                .waitUntilConnected()
        }
    }

    private static func everything(of server: AnsweringServer) -> String {
        server.requests.map { "\($0.line) \($0.fields) \($0.text)" }.joined(separator: "\n")
    }

    @Test("B213, B235: no other host ever sees the token: not by metadata", arguments: [false, true])
    func metadata(_ isProvided: Bool) async throws {
        let token = isProvided ? AccessToken.provided { _ in "hunter2" } : "hunter2"
        try await AnsweringServer.serving { request, _ in
            request.target.hasPrefix("/actors") ? AnsweringServer.Answer.created() : .http(404)
        } _: { other in
            // The same machine by another name is another host.
            let named = other.endpoint.replacing("127.0.0.1", with: "localhost")
            try await AnsweringServer.serving { _, _ in
                .json(200, #"{"clientEndpoint":"\#(named)"}"#)
            } _: { own in
                var configuration = try RivetConfiguration(endpoint: own.endpoint, token: token)
                configuration.connectTimeout = .seconds(60)
                configuration.fields = ["authorization": "Bearer hunter2", "cookie": "hunter2"]
                try await withRivetClient(configuration) { await Self.useAll($0) }
                #expect(own.lines == ["GET /metadata?namespace=default"])
                #expect(other.requests.count >= 10)
                #expect(!Self.everything(of: other).contains("hunter2"))
            }
        }
    }

    @Test("B213, B235: nor by a redirection")
    func redirection() async throws {
        try await AnsweringServer.serving { _, _ in
            .http(404)
        } _: { other in
            for status in [301, 302, 303, 307, 308] {
                for place in [other.endpoint, other.endpoint.replacing("127.0.0.1", with: "localhost")] {
                    try await AnsweringServer.serving { _, _ in
                        .http(status, ["location: \(place)/x"])
                    } _: { own in
                        var configuration = try RivetConfiguration(endpoint: own.endpoint, token: "hunter2")
                        configuration.looksUpMetadata = false
                        configuration.connectTimeout = .seconds(60)
                        try await withRivetClient(configuration) { await Self.useAll($0) }
                        #expect(own.requests.count >= 8)
                    }
                }
            }
            #expect(other.requests.isEmpty)
        }
    }
}

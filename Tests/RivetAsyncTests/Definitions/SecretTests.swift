// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SecretTests {
    @Test("B215: a secret shows nowhere but where it is asked for")
    func secretsDoNotShow() {
        let secret: Secret = "pk_hidden"
        var dumped = ""
        dump([secret], to: &dumped)
        let shown = ["\(secret)", String(reflecting: secret), "\([secret])", dumped, "\(Optional(secret) as Any)"]
        for text in shown { #expect(!text.contains("hidden")) }
        #expect(secret.reveal() == "pk_hidden")
    }

    @Test("B41, B214: a gateway URL shows without its token")
    func gatewayURLsShowWithoutTheirToken() throws {
        let query = GatewayQuery(
            namespace: "default",
            name: "a",
            key: ["b"],
            method: .get,
            token: "pk_hidden",
            skipsReadyWait: true
        )
        let url = try query.url(try Endpoint.parse("https://h/base/").endpoint, path: .connect)
        let shown = "https://h/base/gateway/a/connect?rvt-namespace=default&rvt-method=get&rvt-key=b&rvt-token=…"
        #expect(url.description == shown + "&rvt-skip-ready-wait=true")
        #expect(url.reveal().contains("pk_hidden"))
        var dumped = ""
        dump(url, to: &dumped)
        #expect(!dumped.contains("hidden") && !String(reflecting: url).contains("hidden"))
    }

    @Test func nothingOfAnEndpointIsInItsErrors() {
        let texts = ["https://:pk_hidden@h", "ftp://pk_hidden@h", "https://n:pk_hidden@", "https://n:pk_hidden@h:x"]
        for text in texts {
            let error = #expect(throws: EndpointError.self) { try Endpoint.parse(text) }
            #expect(error.map { !"\($0)".contains("hidden") } == true)
        }
    }
}

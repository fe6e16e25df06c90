// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What an error prints.
struct ErrorDescriptionTests {
    @Test(
        "B214: what a peer says stands on one line",
        arguments: [
            ("plain", "plain"), ("a\nb\r\n", #"a\nb\r\n"#), ("\u{1B}[2J\u{7F}\u{0}", #"\u{1B}[2J\u{7F}\0"#),
            ("\u{85}\u{2028}\u{2029}", #"\u{0085}\u{2028}\u{2029}"#), (#"a\b "c" ä€😀"#, #"a\b "c" ä€😀"#),
        ]
    )
    func oneLine(_ said: String, _ printed: String) {
        let remote = RemoteError(group: "user", code: said, message: said, rayID: said, httpStatus: 500)
        let error = RivetError(.remote, said, fault: .actor, execution: .ran, remote: remote)
        #expect("\(error)" == "remote: \(printed) [user.\(printed)] [HTTP 500] [ray \(printed)] (ran)")
        #expect(error.message == said)
    }
}

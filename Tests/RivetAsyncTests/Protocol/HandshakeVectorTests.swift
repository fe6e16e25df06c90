// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync
import Testing

/// The groups `subprotocols`, `subprotocols.server`, `header.connParams` and `close`.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct HandshakeVectorTests {
    /// JSON text of a value of the vectors; they have at most one member, so no order is lost.
    private func json(_ value: FileValue) -> String {
        func any(_ value: FileValue) -> Any {
            switch value {
            case .null: NSNull()
            case .bool(let bool): bool
            case .number(let number): Int(exactly: number) ?? number
            case .text(let text): text
            case .array(let elements): elements.map(any)
            case .object(let members): members.mapValues(any)
            }
        }
        let data = try? JSONSerialization.data(withJSONObject: any(value), options: [.fragmentsAllowed])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    @Test("B40, B194, B195: what a client offers")
    func offeredSubprotocols() throws {
        let vectors = VectorFile.group("subprotocols")
        for vector in vectors {
            let offer = Subprotocols(
                encoding: (vector["encoding"]?.text).flatMap { WireEncoding(rawValue: $0) },
                parameters: vector["params"].map { json($0) },
                skipsReadyWait: vector["skip_ready_wait"] == .bool(true),
                user: (vector["user"]?.array ?? []).compactMap(\.text)
            )
            #expect(offer.list == (vector["list"]?.array ?? []).compactMap(\.text), "\(vector.id)")
            #expect(offer.header == vector["header"]?.text, "\(vector.id)")
            // The other end reads the same; without an encoding it is JSON.
            var read = offer
            read.encoding = offer.encoding ?? .json
            #expect(try Subprotocols.read(header: offer.header) == read, "\(vector.id)")
        }
        #expect(vectors.count == 12)
    }

    @Test func subprotocolsAsTheServerReadsThem() {
        let vectors = VectorFile.group("subprotocols.server")
        for vector in vectors {
            let result = vector["result"]
            do {
                let read = try Subprotocols.read(header: vector["header"]?.text ?? "")
                #expect(read.encoding?.name == result?["encoding"]?.text, "\(vector.id)")
                let parameters = result?["params"] ?? .null
                #expect(read.parameters == (parameters.isNull ? nil : json(parameters)), "\(vector.id)")
            } catch {
                #expect(error == .unsupportedEncoding, "\(vector.id)")
                #expect(result?["close"]?["code"]?.int == 1003, "\(vector.id)")
                #expect(
                    result?["close"]?["reason"]?.text == "actor.unsupported_websocket_encoding",
                    "\(vector.id)"
                )
            }
        }
        #expect(vectors.count == 5)
    }

    @Test("B49: connection parameters in a header are ASCII")
    func connectionParametersInAHeader() {
        let vectors = VectorFile.group("header.connParams")
        for vector in vectors {
            let text = json(vector["value"] ?? .null)
            #expect(ConnectionParametersHeader.value(json: text) == vector["header"]?.text, "\(vector.id)")
        }
        #expect(vectors.count == 6)
        #expect(ConnectionParametersHeader.value(json: "\"\u{7F}\"") == #""\u007f""#)
    }

    @Test("B207: close reasons are split at the first dot and the last hash")
    func closeReasons() {
        let vectors = VectorFile.group("close")
        for vector in vectors {
            let parsed = vector["parsed"] ?? .null
            let reason = CloseReasonText(vector["reason"]?.text ?? "")
            #expect(reason?.group == parsed["group"]?.text, "\(vector.id)")
            #expect(reason?.code == parsed["code"]?.text, "\(vector.id)")
            #expect(reason?.rayID == parsed["ray"]?.text, "\(vector.id)")
        }
        #expect(vectors.count == 14)
        #expect(CloseReasonText(group: "guard", code: "rate_limit", rayID: "r").text == "guard.rate_limit#r")
        #expect(CloseReasonText(group: "user", code: String(repeating: "ä", count: 90)).text.utf8.count == 123)
    }
}

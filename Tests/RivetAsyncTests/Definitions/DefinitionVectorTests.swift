// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The groups `key`, `endpoint`, `url.*` and `actorId`.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DefinitionVectorTests {
    @Test("B25: keys are written and read")
    func keysAreWrittenAndRead() {
        let vectors = VectorFile.group("key")
        for vector in vectors {
            let parts = (vector["parts"]?.array ?? []).compactMap(\.text)
            let text = vector["text"]?.text ?? "?"
            #expect(ActorKey(text: text).parts == parts, "\(vector.id)")
            if vector["parse_only"] != .bool(true) {
                #expect(ActorKey(parts).text == text, "\(vector.id)")
                #expect(vector["bytes"]?.int == text.utf8.count, "\(vector.id)")
            }
        }
        #expect(vectors.count == 21)
    }

    @Test("B1, B2, B3, B4: endpoints are taken apart or refused")
    func endpointsAreTakenApartOrRefused() {
        let vectors = VectorFile.group("endpoint")
        for vector in vectors {
            do {
                let parsed = try Endpoint.parse(vector["text"]?.text ?? "")
                let result = vector["result"]
                #expect(parsed.endpoint.text == result?["endpoint"]?.text, "\(vector.id)")
                #expect(parsed.namespace == result?["namespace"]?.text, "\(vector.id)")
                #expect(parsed.token?.reveal() == result?["token"]?.text, "\(vector.id)")
            } catch {
                #expect(error.rawValue == vector["error"]?.text, "\(vector.id)")
            }
        }
        #expect(vectors.count == 10)
    }

    @Test("B5, B27: gateway URLs by id")
    func gatewayURLsByID() throws {
        let vectors = VectorFile.group("url.gateway")
        for vector in vectors {
            let endpoint = try Endpoint.parse(vector["endpoint"]?.text ?? "").endpoint
            let path = vector["path"]?.text ?? ""
            let token = vector["token"]?.text
            let target = GatewayURL.target(
                endpoint,
                actorID: ActorID(rawValue: vector["actor_id"]?.text ?? ""),
                token: token.map { Secret($0) },
                path: try GatewayPath(path)
            )
            let origin = (endpoint.usesTLS ? "https://" : "http://") + endpoint.authority
            #expect(origin + target == vector["url"]?.text, "\(vector.id)")
            // And what the gateway reads from it is what was meant.
            guard
                case .byID(let id, let readToken, let rest) = GatewayRoute(
                    target: String(target.dropFirst(endpoint.basePath.count))
                )
            else {
                Issue.record("\(vector.id) is not read by id")
                continue
            }
            #expect(id.rawValue == vector["actor_id"]?.text, "\(vector.id)")
            #expect(readToken?.reveal() == token, "\(vector.id)")
            #expect(rest == path, "\(vector.id)")
        }
        #expect(vectors.count == 18)
    }

    @Test("B26, B27: gateway URLs by query")
    func gatewayURLsByQuery() throws {
        let vectors = VectorFile.group("url.query")
        for vector in vectors {
            let key = ActorKey((vector["key"]?.array ?? []).compactMap(\.text))
            let decodes = vector["decodes"]
            let creation = GatewayQuery.Creation(
                poolName: decodes?["rvt-runner"]?.text ?? "default",
                input: decodes?["rvt-input"] == nil ? nil : unhex("a1646d6f64656672616e6b6564"),
                region: decodes?["rvt-region"]?.text
            )
            let query = GatewayQuery(
                namespace: decodes?["rvt-namespace"]?.text ?? "default",
                name: vector["name"]?.text ?? "",
                key: key,
                method: vector["method"]?.text == "get" ? .get : .getOrCreate(creation),
                token: (decodes?["rvt-token"]?.text).map { Secret($0) },
                skipsReadyWait: decodes?["rvt-skip-ready-wait"]?.text == "true"
            )
            let endpoint = try Endpoint.parse(vector["endpoint"]?.text ?? "http://127.0.0.1:6420").endpoint
            if vector["refused"] == .bool(true) {
                #expect(!GatewayQuery.canExpress(key), "\(vector.id)")
                #expect(throws: GatewayQueryError.inexpressibleKey, "\(vector.id)") {
                    try query.target(endpoint, path: .connect)
                }
                continue
            }
            let path = vector["path"]?.text ?? ""
            let url = try query.url(endpoint, path: try GatewayPath(path))
            #expect(url.reveal() == vector["url"]?.text, "\(vector.id)")
            if let token = decodes?["rvt-token"]?.text {
                #expect(!url.description.contains(PercentEncoding.encode(token)), "\(vector.id)")
            }
            let target = try query.target(endpoint, path: try GatewayPath(path))
            guard case .byQuery(let read, let rest) = GatewayRoute(target: target) else {
                Issue.record("\(vector.id) is not read by query")
                continue
            }
            #expect(rest == path, "\(vector.id)")
            #expect(read.name == query.name && read.namespace == query.namespace, "\(vector.id)")
            #expect(read.key == key && read.method == query.method, "\(vector.id)")
            #expect(read.token?.reveal() == query.token?.reveal(), "\(vector.id)")
            #expect(read.skipsReadyWait == query.skipsReadyWait, "\(vector.id)")
        }
        #expect(vectors.count == 10)
    }

    @Test("B183: paths that no gateway URL can carry are refused")
    func unsendablePathsAreRefused() {
        let vectors = VectorFile.group("url.path.refused")
        for vector in vectors {
            #expect(throws: GatewayPathError.self, "\(vector.id)") { try GatewayPath(vector["path"]?.text ?? "") }
        }
        #expect(vectors.count == 2)
    }

    @Test func actorsAPITargets() {
        let targets = [
            "url.actors.byId": ActorsAPITarget.byID("5jxlv5boumuljx2d2nvyat0o2edl00", namespace: "default"),
            "url.actors.byKey": ActorsAPITarget.byKey(name: "counter", key: ["a/b", ""], namespace: "default"),
            "url.actors.byEmptyKey": ActorsAPITarget.byKey(name: "counter", key: [], namespace: "default"),
            "url.actors.byKeySpecials": ActorsAPITarget.byKey(
                name: "chat room",
                key: ["é", "x&y=z+1"],
                namespace: "my ns"
            ),
            "url.actors.put": ActorsAPITarget.actors(namespace: "default"),
            "url.actors.metadata": ActorsAPITarget.metadata(namespace: "default"),
        ]
        let vectors = VectorFile.group("url.actors")
        for vector in vectors { #expect(targets[vector.id] == vector["target"]?.text, "\(vector.id)") }
        #expect(vectors.count == 6)
        let parameters = ActorsAPITarget.parameters(of: "/actors?name=chat%20room&key=%C3%A9%2Fx%26y%3Dz%2B1")
        #expect(parameters.map(\.name) == ["name", "key"])
        #expect(parameters.map(\.value) == ["chat room", "é/x&y=z+1"])
    }

    @Test func idsAreMadeAndRead() {
        let vectors = VectorFile.group("actorId")
        for vector in vectors {
            let uuid = UInt128(vector["uuid"]?.text ?? "", radix: 16) ?? 0
            let id = EngineID(uuid: uuid, label: UInt16(vector["label"]?.int ?? 0))
            #expect(id.text == vector.id)
            #expect(EngineID(text: vector.id) == id, "\(vector.id)")
        }
        #expect(vectors.count == 4)
        let other = [
            "", "000000000000000000000000000000", "5jxlv5boumuljx2d2nvyat0o2edl0", "5JXLV5boumuljx2d2nvyat0o2edl00",
            "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        ]
        for text in other { #expect(EngineID(text: text) == nil, "\(text)") }
        let random = EngineID(random: .max, label: 1)
        #expect(String(random.uuid, radix: 16) == "ffffffffffff4fffbfffffffffffffff")
    }
}

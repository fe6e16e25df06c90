// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Issues tokens (PROTOCOL a5).
extension Router {
    private struct Wanted: Decodable {
        let namespace: String
        let subject: String?
        /// Seconds.
        let duration: Int64?
        let grants: [Grant]
    }

    private static let defaultDuration: Int64 = 3_600
    private static let maxDuration: Int64 = 86_400

    func issueToken(_ request: EngineRequest, _ pass: Pass) throws(EngineError) -> [UInt8] {
        // Only who may do everything may hand on a part of it.
        guard pass.grants == nil else { throw .insufficientPermissions }
        guard request.body.count <= Self.maxAPIBody else {
            throw badRequest("Failed to buffer the request body: length limit exceeded")
        }
        let wanted: Wanted
        do {
            wanted = try ValueFormat.json.decode(from: ByteChunk(request.body))
        } catch {
            throw badRequest("\(error)")
        }
        try check(wanted.namespace)
        let duration = wanted.duration ?? Self.defaultDuration
        guard duration >= 1 else { throw badRequest("duration is less than a second") }
        guard duration <= Self.maxDuration else { throw .insufficientPermissions }
        let operations = wanted.grants.map(\.operations)
        guard !operations.isEmpty, operations.allSatisfy({ !$0.isEmpty && Grant.operations.isSuperset(of: $0) }) else {
            throw badRequest("grants without operations, or with unknown ones")
        }
        let issued = engine.tokens.issue(
            subject: wanted.subject,
            validFor: .seconds(duration),
            grants: wanted.grants
        )
        var output = Array(#"{"token":"#.utf8)
        output.appendJSON(issued.token.reveal())
        output.append(contentsOf: #","issued_ts":\#(issued.issued),"expires_ts":\#(issued.expires)}"#.utf8)
        return output
    }
}

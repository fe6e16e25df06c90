// SPDX-License-Identifier: Apache-2.0

/// What does not read as it should says so as an error.
extension HTTPAnswer {
    /// Reads the body of a success; what does not decode is not from Rivet.
    func decode<T>(_ what: String, _ read: (ByteChunk) throws -> T) throws -> T {
        do {
            return try read(body)
        } catch {
            throw RivetError(
                .unexpectedResponse,
                "the server's answer (HTTP \(head.status)) is not \(what): \(error)",
                fault: .server,
                execution: .mayHaveRun,
                remote: RemoteError(group: "", code: "", message: "", rayID: rayID, httpStatus: head.status),
                underlying: error
            )
        }
    }

    /// Reads the body of an action that ran.
    func decodeRan<T>(_ action: String, _ read: (ByteChunk) throws -> T) throws -> T {
        do {
            return try read(body)
        } catch {
            throw RivetError(
                .decodingFailed,
                "the answer of \"\(action)\" could not be read: \(error)",
                fault: .server,
                execution: .ran,
                remote: RemoteError(group: "", code: "", message: "", rayID: rayID, httpStatus: head.status),
                underlying: error
            )
        }
    }
}

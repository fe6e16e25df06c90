// SPDX-License-Identifier: Apache-2.0

extension RivetError {
    /// The failure that the actor threw, made again from the error's metadata.
    ///
    /// For example `if let soldOut = error.failure(as: SoldOut.self)`. It is the same for actions over HTTP and on a
    /// connection and for queues, in every encoding. The error stays whole beside it.
    ///
    /// - Returns: the value; nil when the error is none of the actor's author, has another code, or metadata that does
    ///   not decode as `F`.
    public func failure<F: ActorFailure>(as _: F.Type = F.self) -> F? {
        guard let remote, remote.group.hasSameBytes(as: "user") else { return nil }
        guard remote.code.hasSameBytes(as: F.code) else { return nil }
        return try? remote.metadata(as: F.self)
    }
}

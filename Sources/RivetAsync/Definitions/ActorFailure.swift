// SPDX-License-Identifier: Apache-2.0

/// A failure that an actor and its callers share as a type: it is thrown at the one end and found at the other.
///
/// ```swift
/// struct SoldOut: ActorFailure {
///     var left: Int
/// }
/// ```
///
/// On the wire it is an error of the group `user` with ``code`` as its code and the value as its metadata, which an
/// actor in another language can throw too. ``RivetError/failure(as:)`` makes the value again. The message is the
/// value's `description` where the type is `CustomStringConvertible`, otherwise the code.
public protocol ActorFailure: Error, Codable, Sendable {
    /// What tells this failure from others, within the group `user`.
    ///
    /// By default it is the type's name in snake case, as Rivet's own codes are: `SoldOut` is `sold_out`.
    static var code: String { get }
}

extension ActorFailure {
    /// The type's name in snake case.
    public static var code: String { DefaultName.code(of: Self.self) }
}

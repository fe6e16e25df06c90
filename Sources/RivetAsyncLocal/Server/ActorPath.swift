// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A path on an actor (PROTOCOL c5).
enum ActorPath {
    case action(String)
    case queue(String)
    /// The path that the actor's handler sees, query included.
    case request(String)
    case metadata, health, root, unknown

    init(_ target: String) throws {
        let path = target.prefix { $0 != "?" }
        switch path {
        case "/metadata": self = .metadata
        case "/health": self = .health
        case "/", "": self = .root
        case "/request":
            // With a query it is answered by nothing (PROTOCOL e3, U40).
            guard path.count == target.count else { throw EngineError.fetchFailed }
            self = .request("/")
        case _ where path.hasPrefix("/request/"):
            self = .request(String(target.dropFirst("/request".count)))
        case _ where path.hasPrefix("/action/"):
            self = try Self.name(path.dropFirst("/action/".count)).map { .action($0) } ?? .unknown
        case _ where path.hasPrefix("/queue/"):
            self = try Self.name(path.dropFirst("/queue/".count)).map { .queue($0) } ?? .unknown
        default:
            self = .unknown
        }
    }

    /// One segment, percent-decoded; a malformed escape is an error here, unlike elsewhere (PROTOCOL c0).
    private static func name(_ segment: Substring) throws -> String? {
        guard !segment.isEmpty, !segment.contains("/") else { return nil }
        guard let name = PercentEncoding.decode(segment, malformed: .fails) else { throw EngineError.fetchFailed }
        return name
    }
}

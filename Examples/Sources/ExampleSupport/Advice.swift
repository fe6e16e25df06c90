// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Says in one line what happened and what to do about it.
enum Advice {
    static func line(for error: any Error, needs actors: [String]) -> String {
        let text =
            switch error {
            case let error as RivetError: "\(error) — \(advice(for: error, needs: actors))"
            case let error as NoAnswer: "nothing that speaks Rivet answered within \(error.limit) — \(endpoint)"
            case let error as NothingMoreCame:
                "nothing more came within \(error.limit) — \(need(of: actors))"
                    + (ArgumentStyle.ofThisRun == .object ? ", and --javascript where they are written in it" : "")
            default: "\(error)"
            }
        return text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    private static func advice(for error: RivetError, needs actors: [String]) -> String {
        switch error.code {
        case .invalidConfiguration:
            return "an example of RIVET_ENDPOINT is http://localhost:6420; unset it for an engine in this process"
        case .metadataUnavailable, .unexpectedResponse, .protocolViolation, .connectFailed, .connectionLost, .tlsFailed:
            return endpoint
        case .decodingFailed where ArgumentStyle.ofThisRun == .object:
            return "an actor written in JavaScript takes arguments by position and not as one object: add --javascript"
                + ", and --key TEXT for a new actor, since the state of this one is spoilt now"
        case .decodingFailed:
            return "a run without --javascript has spoilt the state of this actor, or it is not the one that is meant: "
                + "add --key TEXT for a new actor"
        case .deadlineExceeded where error.underlying is RivetError:
            return endpoint
        case .deadlineExceeded:
            return "the engine may be busy, so try again; \(need(of: actors))"
        case _ where error.matches("namespace", "not_found"):
            return "correct RIVET_NAMESPACE"
        case _ where [401, 403].contains(error.remote?.httpStatus):
            return "set RIVET_TOKEN to a token that may do this"
        default:
            return need(of: actors)
        }
    }

    private static let endpoint =
        "is Rivet's engine running there? correct RIVET_ENDPOINT, or unset it for an engine in this process"

    private static func need(of actors: [String]) -> String {
        let pool = (try? RivetConfiguration.fromEnvironment())?.poolName ?? "default"
        let names = actors.map { "\"\($0)\"" }.joined(separator: " and ")
        return "the engine needs \(actors.count == 1 ? "an actor" : "actors") named \(names) in the pool \"\(pool)\" "
            + "(RIVET_POOL names another one)"
    }
}

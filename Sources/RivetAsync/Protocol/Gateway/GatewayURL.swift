// SPDX-License-Identifier: Apache-2.0

/// Gateway URLs by actor id (PROTOCOL c1).
package enum GatewayURL {
    /// The request target: base path, `/gateway/{id}[@{token}]`, then the path.
    package static func target(_ endpoint: Endpoint, actorID: ActorID, token: Secret?, path: GatewayPath) -> String {
        let prefix = "/gateway/"
        let id = PercentEncoding.encode(actorID.rawValue)
        let token = token.map { PercentEncoding.encode($0.reveal()) }
        let size = endpoint.basePath.utf8.count + prefix.utf8.count + id.utf8.count + path.text.utf8.count
        var target = ""
        target.reserveCapacity(size + (token.map { $0.utf8.count + 1 } ?? 0))
        target += endpoint.basePath
        target += prefix
        target += id
        if let token {
            target += "@"
            target += token
        }
        target += path.text
        return target
    }
}

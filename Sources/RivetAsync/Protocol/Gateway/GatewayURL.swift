// SPDX-License-Identifier: Apache-2.0

/// Gateway URLs by actor id (PROTOCOL c1).
package enum GatewayURL {
    /// The request target: base path, `/gateway/{id}[@{token}]`, then the path.
    package static func target(_ endpoint: Endpoint, actorID: ActorID, token: Secret?, path: GatewayPath) -> String {
        var target = endpoint.basePath + "/gateway/" + PercentEncoding.encode(actorID.rawValue)
        if let token { target += "@" + PercentEncoding.encode(token.reveal()) }
        return target + path.text
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Request targets of the actors API, behind the base path (PROTOCOL b2, b3, a3).
package enum ActorsAPITarget {
    package static func byID(_ id: ActorID, namespace: String) -> String {
        "/actors?actor_ids=" + PercentEncoding.encode(id.rawValue) + "&namespace=" + PercentEncoding.encode(namespace)
    }

    package static func byKey(name: String, key: ActorKey, namespace: String) -> String {
        "/actors?name=" + PercentEncoding.encode(name) + "&key=" + PercentEncoding.encode(key.text) + "&namespace="
            + PercentEncoding.encode(namespace)
    }

    /// PUT gets or creates, POST creates.
    package static func actors(namespace: String) -> String {
        "/actors?namespace=" + PercentEncoding.encode(namespace)
    }

    package static func metadata(namespace: String) -> String {
        "/metadata?namespace=" + PercentEncoding.encode(namespace)
    }

    /// The parameters of a target's query, as a form is read, in order; for the local engine.
    package static func parameters(of target: String) -> [(name: String, value: String)] {
        let mark = target.firstIndex(of: "?") ?? target.endIndex
        return target[mark...].dropFirst().split(separator: "&").map { parameter in
            let equals = parameter.firstIndex(of: "=") ?? parameter.endIndex
            return (
                PercentEncoding.decode(parameter[..<equals], plusIsBlank: true) ?? "",
                PercentEncoding.decode(parameter[equals...].dropFirst(), plusIsBlank: true) ?? ""
            )
        }
    }
}

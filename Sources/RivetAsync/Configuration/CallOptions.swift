// SPDX-License-Identifier: Apache-2.0

/// What one call does differently from the client's configuration.
public struct CallOptions: Sendable {
    /// The time for the whole call, retries included; nil, the default, for ``RivetConfiguration/callTimeout``.
    public var timeout: Duration?
    /// Whether the action may run twice without harm.
    ///
    /// False by default: then nothing that may have run is repeated.
    ///
    /// When true, a call over HTTP that ended with ``RivetError/Execution/mayHaveRun`` and may succeed later is sent
    /// again, backing off, until its deadline. Calls on a connection are never repeated by the library.
    public var isIdempotent: Bool
    /// Whether the gateway hands the request over without waiting for the actor to be ready; nil for the handle's own
    /// setting.
    public var skipsReadyWait: Bool?
    /// Further fields for this request; they win over ``RivetConfiguration/fields`` and never over the protocol's own.
    ///
    /// Without effect on actions of a connection, which are not HTTP requests.
    public var fields: HTTPFields

    /// Makes options; each part has the default named with it.
    public init(
        timeout: Duration? = nil,
        isIdempotent: Bool = false,
        skipsReadyWait: Bool? = nil,
        fields: HTTPFields = [:]
    ) {
        self.timeout = timeout
        self.isIdempotent = isIdempotent
        self.skipsReadyWait = skipsReadyWait
        self.fields = fields
    }
}

// SPDX-License-Identifier: Apache-2.0
package import RivetAsync

/// What a program gets from its surroundings.
package struct Setup: Sendable {
    /// Where its client goes: the engine of `RIVET_ENDPOINT`, or the one in this process.
    package let configuration: RivetConfiguration
    /// What the command line says.
    package let options: Options
    /// The address of the engine in this process; nil where it is another one.
    package let localEndpoint: String?

    init(_ configuration: RivetConfiguration, _ options: Options, localEndpoint: String?) {
        var configuration = configuration
        // A program that is tried out should say soon what is missing, not wait as long as a service may.
        configuration.callTimeout = .seconds(30)
        configuration.openTimeout = .seconds(30)
        configuration.reconnect.maxElapsed = .seconds(30)
        self.configuration = configuration
        self.options = options
        self.localEndpoint = localEndpoint
    }

    /// A key of these parts, behind the text of `--key`.
    package func key(_ parts: String...) -> ActorKey {
        ActorKey(options.keyPrefix + parts)
    }
}

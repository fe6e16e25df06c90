// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation

/// Runs a closure at the first Control-C instead of ending the process; the second one ends it.
final class Interruption {
    private let source: any DispatchSourceSignal

    init(_ body: @escaping @Sendable () -> Void) {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            signal(SIGINT, SIG_DFL)
            body()
        }
        source.activate()
    }

    func stop() {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// How many checks ran to their end on which engine, printed once when the tests end.
enum CheckCount {
    private static let counts = Mutex((local: 0, real: 0))

    /// Prints at the end of the process, which no test sees.
    private static let printsAtEnd: Void = {
        atexit {
            let (local, real) = CheckCount.counts.withLock { $0 }
            print("end-to-end checks: \(local) on the local engine, \(CheckCount.onReal(real))")
            fflush(nil)
        }
    }()

    static func add(_ row: EngineRow) {
        _ = printsAtEnd
        counts.withLock { if row.isLocal { $0.local += 1 } else { $0.real += 1 } }
    }

    private static func onReal(_ count: Int) -> String {
        guard RealEngine.endpoint != nil else { return "no real engine was met: RIVET_TEST_ENDPOINT is not set" }
        return "\(count) on the engine of RIVET_TEST_ENDPOINT"
    }
}

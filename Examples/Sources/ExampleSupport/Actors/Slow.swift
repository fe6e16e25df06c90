// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// An actor that takes its time.
package enum Slow: ActorDefinition {}

/// Takes so long, and answers 1.
package struct Work: ActorAction {
    package typealias Target = Slow
    package typealias Output = Int
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package var milliseconds: Int
    /// What the actor calls it in its log.
    package var tag: String

    package init(milliseconds: Int, tag: String) { (self.milliseconds, self.tag) = (milliseconds, tag) }
}

extension LocalEngine.Registry {
    mutating func addSlow() {
        actor(Slow.self, state: NoValue()) { slow in
            slow.on(Work.self) { work, _ in
                try await Task.sleep(for: .milliseconds(work.milliseconds))
                return 1
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

extension LocalEngine.Registry {
    /// The actors of all examples, as an engine elsewhere would have them.
    mutating func addExampleActors() {
        addCounter()
        addWithInput()
        addHooks()
        addErrors()
        addRaw()
        addDoomed()
        addSlow()
        addChatRoom()
        addWriter()
        addLot()
    }
}

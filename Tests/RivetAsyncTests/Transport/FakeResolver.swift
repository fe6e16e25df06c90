// SPDX-License-Identifier: Apache-2.0
import RivetAsync

struct FakeResolver: HostResolver {
    private let answer: @Sendable (UInt16) async throws -> [SocketAddress]

    init(_ answer: @escaping @Sendable (UInt16) async throws -> [SocketAddress]) { self.answer = answer }

    init(_ addresses: [SocketAddress]) { answer = { _ in addresses } }

    func resolve(host: String, port: UInt16, gauge: ResourceGauge) async throws -> [SocketAddress] {
        try await answer(port)
    }
}

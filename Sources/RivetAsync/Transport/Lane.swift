// SPDX-License-Identifier: Apache-2.0
package final class Lane: Sendable {}
package struct TransportError: Error, Sendable, Equatable {}

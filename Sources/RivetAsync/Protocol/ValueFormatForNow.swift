// SPDX-License-Identifier: Apache-2.0

// Delete this file with the commit that declares both in `Encoding/Values`: same names, same shape.

/// How a user's value stands on the wire: the three columns of PROTOCOL j4.
package enum ValueFormat: Sendable, Hashable, CaseIterable {
    case json, cbor, nativeCBOR
}

/// A value that is encoded already, or not decoded yet.
package struct EncodedValue: Sendable, Hashable {
    package var bytes: ByteChunk
    package var format: ValueFormat

    package init(bytes: ByteChunk, format: ValueFormat) {
        self.bytes = bytes
        self.format = format
    }
}

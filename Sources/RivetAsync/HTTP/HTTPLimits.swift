// SPDX-License-Identifier: Apache-2.0

/// What a decoder takes before it refuses, in bytes.
package struct HTTPLimits: Sendable, Equatable {
    /// Start line and fields, those of interim responses counted in: 64 KiB, four times what common servers send.
    package var maxHeadSize = 65_536
    /// The content after chunking is undone; unlimited by default, because bodies are pulled, not collected.
    package var maxBodySize = Int.max
    /// Fields after a chunked body.
    package var maxTrailersSize = 16_384
    /// One chunk's size line with its extensions, which are ignored.
    package var maxChunkLineSize = 1024

    package init() {}
}

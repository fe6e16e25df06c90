// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The body of a request on its way to a handler while it arrives.
///
/// `@unchecked Sendable`: everything is touched on the stream's lane.
final class RequestUpload: @unchecked Sendable {
    private let stream: any ByteStream
    private var buffer: HTTPBodyBuffer?
    private var isOver = false

    /// A body that arrives on `stream`, and where to read it.
    static func begin(on stream: any ByteStream, gauge: ResourceGauge) -> (upload: RequestUpload, body: HTTPBody) {
        let upload = RequestUpload(stream: stream)
        let buffer = HTTPBodyBuffer(gauge: gauge)
        buffer.onRequest { [weak upload, lane = stream.lane] request in
            lane.run { [weak upload] in upload?.asked(request) }
        }
        upload.buffer = buffer
        return (upload, HTTPBody(buffer))
    }

    private init(stream: any ByteStream) { self.stream = stream }

    func received(_ bytes: ByteChunk) {
        if buffer?.push(bytes) == false { stream.suspendReading() }
    }

    func receivedAll() { buffer?.wake() }

    func finish() {
        buffer?.finish()
        buffer = nil
        isOver = true
    }

    /// The rest does not come, or is not waited for.
    func fail(_ error: any Error = CutError()) {
        buffer?.finish(HTTPCallError(error, requestLeft: true, answerBegun: true))
        buffer = nil
        isOver = true
    }

    struct CutError: Error {}

    private func asked(_ request: HTTPBodyBuffer.Request) {
        // What is read now, or not, is another request's.
        guard !isOver else { return }
        // The handler wants no more: what still comes is dropped, so that the connection can go on.
        if case .close = request { buffer = nil }
        stream.resumeReading()
    }
}

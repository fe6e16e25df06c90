// SPDX-License-Identifier: Apache-2.0

/// One connection of a client: a byte stream and one exchange at a time, any number of them in a row.
///
/// `@unchecked Sendable`: touched on the stream's lane only, except what is constant.
final class HTTPConnection: ByteHandler, @unchecked Sendable {
    let stream: any ByteStream
    /// Called on the lane when another exchange can begin, before the caller of the last one is told.
    private let becameFree: @Sendable (HTTPConnection) -> Void
    /// Called on the lane once, when the connection is closed, whoever closed it.
    private let becameClosed: @Sendable (HTTPConnection) -> Void

    private var decoder: HTTPResponseDecoder
    private var exchange: HTTPExchange?
    private var isFirstExchange = true
    private var isEndedByPeer = false
    private(set) var isOpen = true

    init(
        _ stream: any ByteStream,
        limits: HTTPLimits,
        becameFree: @escaping @Sendable (HTTPConnection) -> Void,
        becameClosed: @escaping @Sendable (HTTPConnection) -> Void
    ) {
        self.stream = stream
        self.becameFree = becameFree
        self.becameClosed = becameClosed
        decoder = HTTPResponseDecoder(limits: limits)
    }

    /// Gives the connection to `exchange`, which then writes; returns false when it is closed.
    func begin(_ exchange: HTTPExchange, method: String) -> Bool {
        guard isOpen else { return false }
        assert(self.exchange == nil, "one exchange at a time")
        self.exchange = exchange
        decoder.expectResponse(toMethod: method)
        stream.setHandler(self)
        return true
    }

    /// Another exchange can begin.
    func giveBack() {
        guard isOpen else { return }
        stream.setHandler(self)
        stream.resumeReading()
        becameFree(self)
    }

    /// Whether a byte of the answer to the current request has come.
    var hasAnswerBegun: Bool { decoder.hasBegun }

    /// Whether it had been kept, and its peer ended it without a byte of the answer to the current request.
    var wasStale: Bool { isEndedByPeer && !isFirstExchange && !decoder.hasBegun }

    /// Whether the current request is the first, and no byte of its answer has come.
    var opensConnection: Bool { isFirstExchange && !decoder.hasBegun }

    /// Whether the first request of a plain connection was answered by its end.
    func mayNeedTLS(after error: any Error) -> Bool {
        guard opensConnection, stream.securityDescription == nil else { return false }
        if case HTTPError.truncated(.head, received: 0, expected: nil) = error { return true }
        if case TransportError.system(.receive, .connectionReset) = error { return true }
        return false
    }

    func received(_ bytes: ByteChunk) {
        var position = 0
        var finished: HTTPExchange?
        do throws(HTTPError) {
            while isOpen, let event = try decoder.next(in: bytes, from: &position) {
                switch event {
                case .interim: break  // RFC 9110 §15.2: may be ignored; nothing waits for 100.
                case .head(let head): exchange?.received(head)
                case .body(let slice): exchange?.received(slice)
                case .end:
                    finished = exchange.take()
                    isFirstExchange = false
                case .upgraded: assertionFailure("no upgrade is asked for here")
                }
            }
        } catch {
            // Also bytes behind a whole answer: it counts, the connection does not.
            close(error)
        }
        finished?.receivedEnd(peerKeepsAlive: decoder.keepsAlive)
    }

    func receivedAll() {
        exchange?.receivedAll()
    }

    func writable() {
        exchange?.writable()
    }

    func ended(_ end: StreamEnding) {
        isEndedByPeer = true
        switch end {
        case .failed(let error):
            close(error)
        case .finished:
            do throws(HTTPError) {
                let finished = try decoder.finish() == nil ? nil : exchange.take()
                close(HTTPError.truncated(.head, received: 0, expected: nil))
                finished?.receivedEnd(peerKeepsAlive: false)
            } catch {
                close(error)
            }
        }
    }

    /// Closes the stream; the current exchange fails with `error`.
    func close(_ error: any Error) {
        guard isOpen else { return }
        isOpen = false
        stream.close()
        let exchange = exchange.take()
        becameClosed(self)
        exchange?.connectionClosed(error)
    }
}

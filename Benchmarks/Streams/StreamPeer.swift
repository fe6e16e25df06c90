// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The other end of the stream cases, in a process of its own: `Benchmarks --serve-plain` or `--serve-tls DIRECTORY`.
///
/// A client sends commands of nine bytes: what to do, and a number of bytes (little-endian).
enum StreamPeer {
    enum Command: UInt8 {
        /// The server sends that many bytes.
        case send
        /// The server takes that many bytes and answers with one.
        case take
    }

    static let filler: UInt8 = 0xA5

    static func request(_ command: Command, _ count: Int) -> [UInt8] {
        [command.rawValue] + (0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
    }

    /// Serves until the input ends: by TLS with the certificate in `directory`, or plain.
    static func serve(certificateIn directory: String?) throws {
        let context = try directory.map { directory in
            let context = try RawTLS().context()
            try context.use(certificate: directory + "/certificate.pem", key: directory + "/key.pem")
            return context
        }
        let (listener, port) = try RawSocket.listening()
        Thread.detachNewThread {
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { continue }
                let thread = Thread { try? converse(descriptor, context) }
                // Thousands of them at a time.
                thread.stackSize = 1 << 18
                thread.start()
            }
        }
        print(port)
        fflush(nil)
        while readLine() != nil {}
        // Not by `exit`: its handlers would free what belongs to OpenSSL under threads that still end their connections.
        _exit(0)
    }

    private static func converse(_ descriptor: Int32, _ context: RawTLSContext?) throws {
        let socket = RawSocket(descriptor: descriptor)
        let stream = RawStream(try context.map { try RawTLSConnection($0, socket, isServer: true) } ?? socket)
        while true {
            let request = try stream.receive(atMost: 9)
            guard request.count == 9, let command = Command(rawValue: request[0]) else { return }
            let count = (1..<9).reduce(0) { $0 | Int(request[$1]) << (($1 - 1) * 8) }
            switch command {
            case .send:
                try stream.sendFiller(count)
            case .take:
                try stream.receive(count)
                try stream.sendFiller(1)
            }
        }
    }
}

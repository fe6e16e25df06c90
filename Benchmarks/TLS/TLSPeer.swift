// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The other end of the TLS cases, in a process of its own: `Benchmarks --serve-tls DIRECTORY`.
///
/// A client sends commands of nine bytes: what to do, and a number of bytes (little-endian).
enum TLSPeer {
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

    /// Makes a certificate for this machine in `directory`, by the `openssl` command.
    static func makeCertificate(in directory: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", directory + "/key.pem", "-out", directory + "/certificate.pem", "-days", "2",
            "-subj", "/CN=benchmark", "-addext", "subjectAltName=IP:127.0.0.1",
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw BenchmarkFailure("openssl could not make a certificate") }
    }

    static func serve(_ directory: String) throws {
        let context = try RawTLS().context()
        try context.use(certificate: directory + "/certificate.pem", key: directory + "/key.pem")
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
    }

    private static func converse(_ descriptor: Int32, _ context: RawTLSContext) throws {
        let connection = try RawTLSConnection(context, RawSocket(descriptor: descriptor), isServer: true)
        while true {
            let request = connection.receive(atMost: 9)
            guard request.count == 9, let command = Command(rawValue: request[0]) else { return }
            let count = (1..<9).reduce(0) { $0 | Int(request[$1]) << (($1 - 1) * 8) }
            switch command {
            case .send:
                try connection.sendFiller(count)
            case .take:
                try connection.receive(count)
                try connection.sendFiller(1)
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync

/// The peer of one stream case: its process, and the way to it.
final class StreamPeerProcess: Sendable {
    let port: UInt16
    /// Of its process.
    let id: pid_t
    let dialer: any Dialer
    private let kind: StreamBenchmarks.Kind
    private let process: ReferenceServerProcess
    /// Where its certificate is.
    private let directory: String?

    init(_ kind: StreamBenchmarks.Kind) throws {
        self.kind = kind
        switch kind {
        case .plain:
            directory = nil
            dialer = SocketDialer()
            process = ReferenceServerProcess(["--serve-plain"])
        case .tls:
            let directory = NSTemporaryDirectory() + "rivet-benchmark-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Self.makeCertificate(in: directory)
            var options = TLSOptions()
            options.trustStore = .pemFile(directory + "/certificate.pem")
            dialer = TLSDialer(over: SocketDialer(), options: options)
            process = ReferenceServerProcess(["--serve-tls", directory])
            self.directory = directory
        }
        (port, id) = try process.start()
    }

    deinit { stop() }

    func stop() {
        process.stop()
        if let directory { try? FileManager.default.removeItem(atPath: directory) }
    }

    /// A connection by blocking calls.
    func connect() throws -> any RawConnection {
        let socket = try RawSocket(connectingTo: port)
        return kind == .plain ? socket : try RawTLSConnection(RawTLS().context(), socket, isServer: false)
    }

    /// Makes a certificate for this machine in `directory`, by the `openssl` command.
    private static func makeCertificate(in directory: String) throws {
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
        guard process.terminationStatus == 0 else { throw BenchmarkError("openssl could not make a certificate") }
    }
}

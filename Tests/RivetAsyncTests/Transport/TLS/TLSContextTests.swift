// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// What is wrong before a byte is sent: the library, the files, the names.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TLSContextTests {
    struct Missing: Sendable {
        var names: OpenSSLLibrary.Names
        var says: [String]
    }

    @Test(arguments: [
        Missing(
            names: OpenSSLLibrary.Names(ssl: "libssl.so.3", crypto: "libcrypto-missing.so.3"),
            says: ["libcrypto-missing.so.3 could not be loaded"]
        ),
        Missing(
            names: OpenSSLLibrary.Names(ssl: "libssl-missing.so.3", crypto: "libcrypto.so.3"),
            says: ["libssl-missing.so.3 could not be loaded"]
        ),
        // A library that is there and is not OpenSSL.
        Missing(
            names: OpenSSLLibrary.Names(ssl: "libc.so.6", crypto: "libc.so.6"),
            says: ["libc.so.6 has no function", "OpenSSL 3.0 or newer"]
        ),
    ])
    func withoutTheLibraryTheErrorNamesItAndThePackages(_ row: Missing) throws {
        var options = TLSOptions()
        options.libraryNames = row.names
        let error = try #require(throws: TLSError.self) { _ = try TLSContext(options) }
        #expect(error.kind == .libraryMissing)
        for part in row.says + ["https and wss need OpenSSL 3", "libssl3 (Debian", "openssl-libs (Fedora"] {
            #expect(error.message.contains(part))
        }
    }

    @Test func withoutTheLibraryNothingIsDialled() async throws {
        var options = TLSOptions()
        options.libraryNames = OpenSSLLibrary.Names(ssl: "libssl-missing.so.3", crypto: "libcrypto-missing.so.3")
        let client = TLSClient(options)
        let error = try await #require(throws: TransportError.self) { _ = try await client.dial(port: 1) }
        guard case .tls(let error) = error else {
            Issue.record("failed with \(error)")
            return
        }
        #expect(error.kind == .libraryMissing)
        #expect(await client.descriptorsAfterShutDown() == 0)
    }

    struct Unusable: Sendable, CustomTestStringConvertible {
        var fact: String
        var change: @Sendable (inout TLSOptions, TestCertificates) throws -> Void
        var says: [String]

        var testDescription: String { fact }
    }

    @Test(
        .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH"),
        arguments: [
            Unusable(
                fact: "a trust store that is not there",
                change: { options, _ in options.trustStore = .pemFile("/nowhere/roots.pem") },
                says: ["the trust store /nowhere/roots.pem cannot be read"]
            ),
            Unusable(
                fact: "a trust store without certificates",
                change: { $0.trustStore = .pemFile($1.key("good")) },
                says: ["holds no certificate in PEM form"]
            ),
            Unusable(
                fact: "roots that are no PEM",
                change: { options, _ in options.additionalRootsPEM = Array("nonsense".utf8) },
                says: ["additionalRootsPEM holds no certificate in PEM form"]
            ),
            Unusable(
                fact: "a damaged root behind a good one",
                change: {
                    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                    $0.additionalRootsPEM = try $1.bytes("root") + Array(damaged.utf8)
                },
                says: ["certificate 2 of additionalRootsPEM is damaged"]
            ),
            Unusable(
                fact: "SSL_CERT_FILE that is not there",
                change: { options, _ in
                    options.trustStore = .system
                    options.environment = { $0 == "SSL_CERT_FILE" ? "/nowhere/roots.pem" : nil }
                },
                says: ["SSL_CERT_FILE (/nowhere/roots.pem) cannot be read"]
            ),
            Unusable(
                fact: "an identity that is not there",
                change: { options, _ in
                    options.identity = TLSOptions.Identity(
                        certificatePEMFile: "/nowhere/client.pem",
                        keyPEMFile: "/nowhere/client.key"
                    )
                },
                says: ["the client certificate /nowhere/client.pem cannot be used"]
            ),
            Unusable(
                fact: "a key with a password",
                change: {
                    $0.identity = TLSOptions.Identity(
                        certificatePEMFile: $1.certificate("good"),
                        keyPEMFile: $1.key("locked")
                    )
                },
                says: ["locked.key cannot be used (it must be PEM, without a password"]
            ),
            Unusable(
                fact: "a key of another certificate",
                change: {
                    $0.identity = TLSOptions.Identity(
                        certificatePEMFile: $1.certificate("good"),
                        keyPEMFile: $1.key("root")
                    )
                },
                says: ["root.key cannot be used", "belong to the certificate"]
            ),
        ]
    )
    func optionsThatCannotBeUsedAreNamed(_ row: Unusable) async throws {
        let certificates = try await TestCertificates.shared()
        var options = certificates.options(for: "server.test")
        try row.change(&options, certificates)
        let error = try #require(throws: TLSError.self) { _ = try TLSContext(options) }
        #expect(error.kind == .configuration)
        for part in row.says { #expect(error.message.contains(part)) }
    }

    struct BadName: Sendable {
        var host: String
        var says: String
    }

    @Test(
        .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH"),
        arguments: [
            BadName(host: "", says: "and this one has 0 bytes"),
            BadName(host: ".", says: "and this one has 0 bytes"),
            BadName(host: "bücher.test", says: "xn--"),
            BadName(host: "a b.test", says: "1 to 253 ASCII characters"),
            BadName(host: String(repeating: "a", count: 254), says: "and this one has 254 bytes"),
        ]
    )
    func namesThatCannotBeVerifiedAreRefused(_ row: BadName) async throws {
        let certificates = try await TestCertificates.shared()
        let context = try TLSContext(certificates.options(for: row.host))
        let error = try #require(throws: TLSError.self) {
            _ = try TLSEngine(context: context, host: "127.0.0.1", port: 1)
        }
        #expect(error.kind == .configuration)
        #expect(error.message.contains(row.says))
    }

    @Test func theOptionsAreAsGivenAndElseVerify() {
        let options = TLSOptions(
            trustStore: .pem([1, 2]),
            additionalRootsPEM: [3],
            identity: TLSOptions.Identity(certificatePEMFile: "a", keyPEMFile: "b"),
            minimumVersion: .v1_3,
            serverName: "c",
            unsafelySkipsVerification: true
        )
        if case .pem(let bytes) = options.trustStore { #expect(bytes == [1, 2]) } else { Issue.record("trust") }
        #expect(options.additionalRootsPEM == [3])
        #expect(options.identity?.certificatePEMFile == "a")
        #expect(options.identity?.keyPEMFile == "b")
        #expect(options.minimumVersion == .v1_3)
        #expect(options.serverName == "c")
        #expect(options.unsafelySkipsVerification)
        let usual = TLSOptions()
        if case .system = usual.trustStore {} else { Issue.record("trust") }
        #expect(usual.minimumVersion == .v1_2)
        #expect(!usual.unsafelySkipsVerification)
        #expect(usual.libraryNames == .system)
    }
}

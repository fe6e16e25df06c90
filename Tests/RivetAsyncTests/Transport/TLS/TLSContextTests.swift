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
                says: ["the client certificate /nowhere/client.pem cannot be read"]
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
                says: ["root.key does not belong to the client certificate", "good.pem"]
            ),
            Unusable(
                fact: "additional roots in a file that is not there",
                change: { options, _ in options.additionalRootsPEMFile = "/nowhere/roots.pem" },
                says: ["additionalRootsPEMFile (/nowhere/roots.pem) cannot be read"]
            ),
            Unusable(
                fact: "no roots at all",
                change: { options, _ in options.trustStore = .pem([]) },
                says: ["the trust store is empty"]
            ),
            Unusable(
                fact: "a certificate in memory that is no PEM",
                change: {
                    $0.identity = TLSOptions.Identity(
                        certificatePEM: Array("nonsense".utf8),
                        keyPEM: try $1.keyBytes("good")
                    )
                },
                says: ["the client certificate in certificatePEM holds no certificate in PEM form"]
            ),
            Unusable(
                fact: "a certificate in memory with a damaged one behind it",
                change: {
                    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                    $0.identity = TLSOptions.Identity(
                        certificatePEM: try $1.bytes("good") + Array(damaged.utf8),
                        keyPEM: try $1.keyBytes("good")
                    )
                },
                says: ["certificate 2 of the client certificate in certificatePEM is damaged"]
            ),
            Unusable(
                fact: "a certificate in memory with a weak key",
                change: { $0.identity = try $1.identityInMemory("weakkey") },
                says: ["certificate 1 of the client certificate in certificatePEM cannot be used", "too small"]
            ),
            Unusable(
                fact: "a certificate in the place of the key",
                change: {
                    let certificate = try $1.bytes("good")
                    $0.identity = TLSOptions.Identity(certificatePEM: certificate, keyPEM: certificate)
                },
                says: ["the client's private key in keyPEM cannot be used (it must be PEM, without a password)"]
            ),
            Unusable(
                fact: "a key in memory with a password",
                change: {
                    $0.identity = TLSOptions.Identity(
                        certificatePEM: try $1.bytes("good"),
                        keyPEM: try $1.keyBytes("locked")
                    )
                },
                says: ["the client's private key in keyPEM cannot be used (it must be PEM, without a password)"]
            ),
            Unusable(
                fact: "no key",
                change: {
                    $0.identity = TLSOptions.Identity(certificatePEM: try $1.bytes("good"), keyPEM: [])
                },
                says: ["the client's private key in keyPEM is empty"]
            ),
            Unusable(
                fact: "a key in memory of another certificate",
                change: {
                    $0.identity = TLSOptions.Identity(
                        certificatePEM: try $1.bytes("good"),
                        keyPEM: try $1.keyBytes("root")
                    )
                },
                says: [
                    "the client's private key in keyPEM does not belong to the client certificate in certificatePEM"
                ]
            ),
            Unusable(
                fact: "a key in memory of another kind than the certificate's",
                change: {
                    $0.identity = TLSOptions.Identity(
                        certificatePEM: try $1.bytes("good"),
                        keyPEM: try $1.keyBytes("weakkey")
                    )
                },
                says: ["the client's private key in keyPEM does not belong to the client certificate"]
            ),
            Unusable(
                fact: "a server's name that is none",
                change: { options, _ in options.serverName = "a b.test" },
                says: ["the server's name must have 1 to 253 ASCII characters"]
            ),
        ]
    )
    func optionsThatCannotBeUsedAreNamedBeforeAnythingLeaves(_ row: Unusable) async throws {
        let certificates = try await TestCertificates.shared()
        var options = certificates.options(for: "server.test")
        try row.change(&options, certificates)
        let client = TLSClient(options)
        // Nobody listens there: a dial would be refused.
        let failure = try await #require(throws: TransportError.self) { _ = try await client.dial(port: 1) }
        #expect(await client.descriptorsAfterShutDown() == 0)
        guard case .tls(let error) = failure else {
            Issue.record("failed with \(failure)")
            return
        }
        #expect(error.kind == .configuration)
        for part in row.says { #expect(error.message.contains(part), "\(error.message)") }
        let keys = try ["good", "root", "locked", "weakkey"].flatMap { try certificates.keyBytes($0) }
        let lines = String(decoding: keys, as: UTF8.self).split(separator: "\n").map { String($0) }
        for content in lines + ["nonsense", "AAAA"] { #expect(!error.message.contains(content)) }
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
        var options = certificates.options(for: row.host)
        #expect(throws: TLSError.self) { _ = try TLSContext(options) }
        options.serverName = nil
        let context = try TLSContext(options)
        let error = try #require(throws: TLSError.self) {
            _ = try TLSEngine(context: context, host: row.host, port: 1)
        }
        #expect(error.kind == .configuration)
        #expect(error.message.contains(row.says))
    }

    @Test func theOptionsAreAsGivenAndElseVerify() {
        let options = TLSOptions(
            trustStore: .pem([1, 2]),
            additionalRootsPEM: [3],
            additionalRootsPEMFile: "d",
            identity: TLSOptions.Identity(certificatePEMFile: "a", keyPEMFile: "b"),
            minimumVersion: .v1_3,
            serverName: "c",
            unsafelySkipsVerification: true
        )
        if case .pem(let bytes) = options.trustStore { #expect(bytes == [1, 2]) } else { Issue.record("trust") }
        #expect(options.additionalRootsPEM == [3])
        #expect(options.additionalRootsPEMFile == "d")
        #expect(options.identity?.description == "certificate a, key b")
        #expect(options.minimumVersion == .v1_3)
        #expect(options.serverName == "c")
        #expect(options.unsafelySkipsVerification)
        let usual = TLSOptions()
        if case .system = usual.trustStore {} else { Issue.record("trust") }
        #expect(usual.minimumVersion == .v1_2)
        #expect(!usual.unsafelySkipsVerification)
        #expect(usual.libraryNames == .system)
    }

    @Test func printingAnIdentityShowsNoBytes() {
        let identity = TLSOptions.Identity(certificatePEM: [77], keyPEM: [88])
        var dumped = ""
        dump(TLSOptions(identity: identity), to: &dumped)
        for text in ["\(identity)", String(reflecting: identity), "\(TLSOptions(identity: identity))", dumped] {
            #expect(!text.contains("77") && !text.contains("88"))
        }
        #expect("\(identity)" == "certificate …, key …")
    }
}

// SPDX-License-Identifier: Apache-2.0

/// What error messages say about a peer's certificate.
///
/// Its text is the peer's, so it is made printable and short. `@safe`: who makes one vouches that OpenSSL keeps the
/// certificate meanwhile.
@safe struct TLSCertificate {
    private static let mostNames = 8
    private static let longestText = 200

    private let library: OpenSSLLibrary
    private let certificate: OpenSSLLibrary.Object

    init(_ certificate: OpenSSLLibrary.Object, _ library: OpenSSLLibrary) {
        unsafe self.certificate = certificate
        self.library = library
    }

    var subject: String { unsafe name(library.X509_get_subject_name(certificate)) }
    var issuer: String { unsafe name(library.X509_get_issuer_name(certificate)) }
    var notBefore: String { unsafe time(library.X509_get0_notBefore(certificate)) }
    var notAfter: String { unsafe time(library.X509_get0_notAfter(certificate)) }
    var keyBits: Int { unsafe Int(library.EVP_PKEY_get_bits(library.X509_get0_pubkey(certificate))) }

    /// The DNS names and IP addresses the certificate is for (RFC 5280 §4.2.1.6), as a list in words.
    var alternativeNames: String? {
        guard
            let names = unsafe library.X509_get_ext_d2i(certificate, OpenSSLConstants.NID_subject_alt_name, nil, nil)
        else { return nil }
        defer { unsafe library.GENERAL_NAMES_free(names) }
        let count = unsafe library.OPENSSL_sk_num(names)
        var texts: [String] = []
        for index in 0..<max(count, 0) where texts.count < Self.mostNames {
            if let text = unsafe alternativeName(library.OPENSSL_sk_value(names, index)) { texts.append(text) }
        }
        if count > texts.count, texts.count == Self.mostNames { texts.append("…") }
        return texts.isEmpty ? nil : texts.joined(separator: ", ")
    }

    private func alternativeName(_ name: OpenSSLLibrary.Object?) -> String? {
        var type: Int32 = -1
        guard let value = unsafe library.GENERAL_NAME_get0_value(name, &type) else { return nil }
        // Only these two kinds have an ASN.1 string behind them that says a place.
        guard type == OpenSSLConstants.GEN_DNS || type == OpenSSLConstants.GEN_IPADD else { return nil }
        guard let start = unsafe library.ASN1_STRING_get0_data(value) else { return nil }
        let count = unsafe Int(library.ASN1_STRING_length(value))
        guard count > 0 else { return nil }
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        if type == OpenSSLConstants.GEN_DNS { return unsafe Self.printable(bytes) }
        if count == 4 { return unsafe bytes.map { String($0) }.joined(separator: ".") }
        guard count == 16 else { return nil }
        return stride(from: 0, to: 16, by: 2)
            .map { unsafe String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }

    private func name(_ name: OpenSSLLibrary.Object?) -> String {
        unsafe text { unsafe library.X509_NAME_print_ex($0, name, 0, OpenSSLConstants.XN_FLAG_ONELINE) }
    }

    private func time(_ time: OpenSSLLibrary.Object?) -> String {
        unsafe text { unsafe library.ASN1_TIME_print($0, time) }
    }

    private func text(_ print: (OpenSSLLibrary.Object) -> Int32) -> String {
        guard let memory = unsafe library.BIO_new(library.BIO_s_mem()) else { return "?" }
        defer { _ = unsafe library.BIO_free(memory) }
        guard unsafe print(memory) >= 0 else { return "?" }
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.longestText) { buffer in
            let count = unsafe library.BIO_read(memory, buffer.baseAddress, Int32(buffer.count))
            guard count > 0 else { return "(empty)" }
            return unsafe Self.printable(UnsafeBufferPointer(rebasing: buffer[..<Int(count)]))
        }
    }

    private static func printable(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        let shown = unsafe bytes.prefix(longestText).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self)
    }
}

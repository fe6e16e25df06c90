// SPDX-License-Identifier: Apache-2.0
import RivetAsync

extension TestCertificates {
    func identity(_ name: String) -> TLSOptions.Identity {
        TLSOptions.Identity(certificatePEMFile: certificate(name), keyPEMFile: key(name))
    }

    func identityInMemory(_ name: String) throws -> TLSOptions.Identity {
        TLSOptions.Identity(certificatePEM: try bytes(name), keyPEM: try keyBytes(name))
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Numbers of OpenSSL's headers under their names there; they are part of its stable binary interface.
enum OpenSSLConstants {
    static let SSL_CTRL_MODE: Int32 = 33
    static let SSL_CTRL_SET_SESS_CACHE_MODE: Int32 = 44
    static let SSL_CTRL_SET_TLSEXT_HOSTNAME: Int32 = 55
    static let SSL_CTRL_CHAIN_CERT: Int32 = 89
    static let SSL_CTRL_SET_MIN_PROTO_VERSION: Int32 = 123
    static let SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x02
    static let SSL_MODE_RELEASE_BUFFERS = 0x10
    static let SSL_SESS_CACHE_CLIENT = 0x001
    static let SSL_SESS_CACHE_NO_INTERNAL = 0x300
    static let SSL_OP_NO_COMPRESSION: UInt64 = 1 << 17
    static let SSL_OP_NO_RENEGOTIATION: UInt64 = 1 << 30
    static let SSL_VERIFY_NONE: Int32 = 0
    static let SSL_VERIFY_PEER: Int32 = 1
    static let SSL_SENT_SHUTDOWN: Int32 = 1
    static let SSL_RECEIVED_SHUTDOWN: Int32 = 2
    static let TLS1_2_VERSION = 0x0303
    static let TLS1_3_VERSION = 0x0304

    static let SSL_ERROR_WANT_READ: Int32 = 2
    static let SSL_ERROR_ZERO_RETURN: Int32 = 6

    static let BIO_TYPE_SOURCE_SINK: Int32 = 0x0400
    static let BIO_FLAGS_RWS: Int32 = 0x07
    static let BIO_FLAGS_READ: Int32 = 0x01
    static let BIO_FLAGS_WRITE: Int32 = 0x02
    static let BIO_FLAGS_SHOULD_RETRY: Int32 = 0x08
    static let BIO_CTRL_FLUSH: Int32 = 11

    static let ERR_LIB_SSL: UInt = 20
    static let ERR_LIB_PEM: UInt = 9
    static let PEM_R_NO_START_LINE: UInt = 108
    static let SSL_R_WRONG_VERSION_NUMBER: UInt = 267
    static let SSL_R_UNSUPPORTED_PROTOCOL: UInt = 258
    static let SSL_R_WRONG_SSL_VERSION: UInt = 266
    static let SSL_R_VERSION_TOO_LOW: UInt = 396
    static let SSL_R_EE_KEY_TOO_SMALL: UInt = 399
    static let SSL_R_DH_KEY_TOO_SMALL: UInt = 394
    /// Alerts of the peer are reported as this plus their number.
    static let SSL_AD_REASON_OFFSET: UInt = 1000

    static let X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT: Int32 = 2
    static let X509_V_ERR_CERT_NOT_YET_VALID: Int32 = 9
    static let X509_V_ERR_CERT_HAS_EXPIRED: Int32 = 10
    static let X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: Int32 = 18
    static let X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: Int32 = 19
    static let X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: Int32 = 20
    static let X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: Int32 = 21
    static let X509_V_ERR_INVALID_PURPOSE: Int32 = 26
    static let X509_V_ERR_HOSTNAME_MISMATCH: Int32 = 62
    static let X509_V_ERR_IP_ADDRESS_MISMATCH: Int32 = 64
    static let X509_V_ERR_EE_KEY_TOO_SMALL: Int32 = 66
    static let X509_V_ERR_CA_KEY_TOO_SMALL: Int32 = 67
    static let X509_V_ERR_CA_MD_TOO_WEAK: Int32 = 68

    static let X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS: UInt32 = 0x04
    static let X509_CHECK_FLAG_NEVER_CHECK_SUBJECT: UInt32 = 0x20
    static let X509_V_FLAG_PARTIAL_CHAIN: UInt = 0x80000
    static let XN_FLAG_ONELINE: UInt = 8_520_479
    static let NID_subject_alt_name: Int32 = 85
    static let GEN_DNS: Int32 = 2
    static let GEN_IPADD: Int32 = 7
}

// SPDX-License-Identifier: Apache-2.0

/// A copy of C's text, for which the caller vouches that it ends in a zero; nil for NULL.
func text(ofC string: UnsafePointer<CChar>?) -> String? {
    unsafe string.map { unsafe String(cString: $0) }
}

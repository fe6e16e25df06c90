// SPDX-License-Identifier: Apache-2.0
// A target needs one source file; everything is in include/shim.h.

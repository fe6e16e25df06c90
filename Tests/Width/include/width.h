// SPDX-License-Identifier: Apache-2.0
//
// Nothing is called: that it is linked is enough.

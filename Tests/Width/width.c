// SPDX-License-Identifier: Apache-2.0
//
// How many tests run at once, said to the testing library before it asks. Where a thousand begin together on two cores,
// those that compute keep those that wait for a socket from their turn, for longer than the 10 s in which a connection
// has to be made. Whoever sets the variable himself has his way.
#include <stdlib.h>

__attribute__((constructor)) static void limit_width(void) {
    setenv("SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH", "8", 0);
}

// SPDX-License-Identifier: Apache-2.0
#ifndef RIVET_ALLOCATIONS_H
#define RIVET_ALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

/// False where allocations cannot be counted (no glibc, or a sanitizer that has its own allocator).
bool allocations_are_counted(void);

/// Starts counting at zero, for all threads.
void allocations_start(void);

/// Stops counting and returns how often any thread asked for memory since the start.
uint64_t allocations_stop(void);

/// What the whole process has from the allocator now; 0 where allocations cannot be counted.
uint64_t allocations_bytes_in_use(void);

#endif

// SPDX-License-Identifier: Apache-2.0
// Headers only. `import Glibc` shows neither epoll, eventfd nor getrandom, nor what glibc keeps behind _GNU_SOURCE.
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>

// Not by including <sys/socket.h>: Swift would then take its types for this module's.
struct sockaddr;
int accept4(int descriptor, struct sockaddr *address, unsigned int *length, int flags);

// sched_getaffinity, under a name of its own: <sched.h> may declare it, with another type of mask.
int core_affinity(int process, __SIZE_TYPE__ size, unsigned char *mask) __asm__("sched_getaffinity");
#endif

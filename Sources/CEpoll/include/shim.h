// SPDX-License-Identifier: Apache-2.0
// Headers only. `import Glibc` shows neither epoll, eventfd nor getrandom, nor what glibc keeps behind _GNU_SOURCE.
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
#endif

// SPDX-License-Identifier: Apache-2.0
// Headers only. `import Glibc` shows neither epoll nor eventfd.
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

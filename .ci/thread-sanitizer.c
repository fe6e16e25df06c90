// SPDX-License-Identifier: Apache-2.0
//
// Preloaded by the thread sanitizer's step. It tells the sanitizer what orders memory in Swift on Linux, where the
// sanitizer cannot see it by itself, so that what it reports is a race:
//
// - Swift's runtime announces the hand-over of a job (`_swift_tsan_release` where it is enqueued, `…acquire` where
//   it runs), but nobody connects its hooks to a sanitizer that is linked into the executable.
// - A continuation that is resumed before it is awaited goes on without a job, and nothing announces that. So its
//   resume waits here, before it takes effect, until the other side awaits.
// - The slow paths of `Mutex` are compiled into libswiftSynchronization without instrumentation.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef void hook(void *);

static hook *acquire;
static hook *release;
static uintptr_t resumes[3];
static __attribute__((swiftcall)) void *(*current_task)(void);

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

// The layout is that of Swift 6.3: a task's context at 0x40, the context's status at 0x18, 1 when awaited.
static void wait_until_awaited(char *task) {
    char *context = *(char **)(task + 0x40);
    double begin = milliseconds();
    // Not for ever: whoever makes the continuation may be held up by this very thread.
    while (__atomic_load_n((uintptr_t *)(context + 0x18), __ATOMIC_ACQUIRE) == 0 && milliseconds() - begin < 50) {
        sched_yield();
    }
}

static void release_job(void *job) {
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    for (int index = 0; index < 3; index++) {
        // The hook is called within the first instructions of a resume.
        if (resumes[index] && caller - resumes[index] < 0x60 && current_task() != job) wait_until_awaited(job);
    }
    release(job);
}

__attribute__((constructor)) static void connect(void) {
    acquire = (hook *)dlsym(RTLD_DEFAULT, "__tsan_acquire");
    release = (hook *)dlsym(RTLD_DEFAULT, "__tsan_release");
    bool *enabled = dlsym(RTLD_DEFAULT, "_swift_tsan_enabled");
    hook **runtime_acquire = dlsym(RTLD_DEFAULT, "_swift_tsan_acquire");
    hook **runtime_release = dlsym(RTLD_DEFAULT, "_swift_tsan_release");
    // Other programs of the step, such as the compiler, have no sanitizer.
    if (!acquire || !release || !enabled || !runtime_acquire || !runtime_release) return;
    current_task = dlsym(RTLD_DEFAULT, "swift_task_getCurrent");
    resumes[0] = (uintptr_t)dlsym(RTLD_DEFAULT, "swift_continuation_resume");
    resumes[1] = (uintptr_t)dlsym(RTLD_DEFAULT, "swift_continuation_throwingResume");
    resumes[2] = (uintptr_t)dlsym(RTLD_DEFAULT, "swift_continuation_throwingResumeWithError");
    if (!current_task) return;
    *runtime_acquire = acquire;
    *runtime_release = release_job;
    *enabled = true;
}

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// `self` is the address of the mutex.
__attribute__((swiftcall)) void lock_slow(uint32_t owner, __attribute__((swift_context)) void *mutex) __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *mutex) __asm__(UNLOCK_SLOW);

typedef __attribute__((swiftcall)) void lock_function(uint32_t, __attribute__((swift_context)) void *);
typedef __attribute__((swiftcall)) void unlock_function(__attribute__((swift_context)) void *);

__attribute__((swiftcall)) void lock_slow(uint32_t owner, __attribute__((swift_context)) void *mutex) {
    ((lock_function *)dlsym(RTLD_NEXT, LOCK_SLOW))(owner, mutex);
    if (acquire) acquire(mutex);
}

__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *mutex) {
    if (release) release(mutex);
    ((unlock_function *)dlsym(RTLD_NEXT, UNLOCK_SLOW))(mutex);
}

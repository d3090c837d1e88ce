/*
 * What stands between the programs of a cell and the machine: a clock that is wrong, a disk that is slow or that has
 * become read-only. /etc/ld.so.preload names it, so that the programs' environment stays theirs. What it does is told
 * by the file that CONTROL names: a struct that the rig writes while the programs run.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct control {
  int64_t clock_s;   /* added to the time of day */
  int64_t slow_ms;   /* each fsync and fdatasync takes this much longer; a write a tenth of it */
  int64_t read_only; /* 1: nothing below `state` can be written */
  char state[232];   /* the directory that is "the disk" */
};

static const struct control none;
static const volatile struct control *control = &none;

static int (*real_clock)(clockid_t, struct timespec *);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_truncate)(int, off64_t);

__attribute__((constructor)) static void begin(void) {
  real_clock = dlsym(RTLD_NEXT, "clock_gettime");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
  int fd = (int)syscall(SYS_openat, AT_FDCWD, CONTROL, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void *at = mmap(0, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) control = at;
  close(fd);
}

/* --- the clock --- */

int clock_gettime(clockid_t id, struct timespec *at) {
  int result = real_clock ? real_clock(id, at) : (int)syscall(SYS_clock_gettime, id, at);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += control->clock_s;
  return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}

/* --- the disk --- */

static int on_disk(int fd) {
  char name[32] = "/proc/self/fd/", path[512];
  char digits[12];
  int n = 0, length = 14;
  if (fd < 0) return 0;
  do digits[n++] = (char)('0' + fd % 10); while ((fd /= 10) > 0);
  while (n > 0) name[length++] = digits[--n];
  name[length] = 0;
  ssize_t got = readlink(name, path, sizeof path - 1);
  size_t want = strlen((const char *)control->state);
  return got > 0 && want > 0 && (size_t)got >= want && memcmp(path, (const char *)control->state, want) == 0;
}

static void wait_ms(int64_t ms) {
  struct timespec left = {ms / 1000, (ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static int refused(int fd) {
  if (!control->read_only || !on_disk(fd)) return 0;
  errno = EROFS;
  return 1;
}

static void slowed(int fd, int64_t share) {
  if (control->slow_ms > 0 && on_disk(fd)) wait_ms(control->slow_ms / share);
}

int fsync(int fd) {
  slowed(fd, 1);
  return refused(fd) ? -1 : real_fsync(fd);
}

int fdatasync(int fd) {
  slowed(fd, 1);
  return refused(fd) ? -1 : real_fdatasync(fd);
}

ssize_t pwrite64(int fd, const void *from, size_t length, off64_t at) {
  slowed(fd, 10);
  return refused(fd) ? -1 : real_pwrite(fd, from, length, at);
}

ssize_t pwrite(int fd, const void *from, size_t length, off_t at) { return pwrite64(fd, from, length, at); }

ssize_t write(int fd, const void *from, size_t length) {
  if (!real_write) return syscall(SYS_write, fd, from, length);
  slowed(fd, 10);
  return refused(fd) ? -1 : real_write(fd, from, length);
}

int ftruncate64(int fd, off64_t length) { return refused(fd) ? -1 : real_truncate(fd, length); }
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int below(const char *path) {
  size_t want = strlen((const char *)control->state);
  return control->read_only && want > 0 && path && strncmp(path, (const char *)control->state, want) == 0;
}

static int opened(int at, const char *path, int flags, mode_t mode) {
  if (below(path) && (flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR)) != 0) {
    /* what is there may be opened with O_CREAT for reading */
    if ((flags & O_ACCMODE) != O_RDONLY || faccessat(at, path, F_OK, 0) != 0) {
      errno = EROFS;
      return -1;
    }
  }
  return (int)syscall(SYS_openat, at, path, flags, mode);
}

#define MODE(flags, last) \
  mode_t mode = 0; \
  if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
    va_list more; \
    va_start(more, last); \
    mode = va_arg(more, mode_t); \
    va_end(more); \
  }

int open(const char *path, int flags, ...) { MODE(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags, flags) return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags, flags) return opened(at, path, flags, mode); }

#define REFUSING(name, parameters, path, ...) \
  int name parameters { \
    static int (*real) parameters; \
    if (!real) real = dlsym(RTLD_NEXT, #name); \
    if (below(path)) { errno = EROFS; return -1; } \
    return real(__VA_ARGS__); \
  }
REFUSING(unlink, (const char *path), path, path)
REFUSING(rmdir, (const char *path), path, path)
REFUSING(mkdir, (const char *path, mode_t mode), path, path, mode)
REFUSING(rename, (const char *from, const char *to), to, from, to)
REFUSING(symlink, (const char *what, const char *path), path, what, path)

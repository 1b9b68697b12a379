// Between actas and the files of its SQLite database: loaded before the C library (LD_PRELOAD), it
// passes every write on, and does what the files in the folder $ACTAS_TEST_FILES say:
//
//   kill   "N before|torn|after": the process dies at the Nth write from now on
//   full   nothing gets longer: the disk is full
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum moment { NEVER, BEFORE, TORN, AFTER };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static long left = -1;
static enum moment moment = NEVER;

static int is_database(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, "/actas.db") != NULL;
}

static const char *said(char *path, size_t size, const char *name) {
  const char *folder = getenv("ACTAS_TEST_FILES");
  if (!folder) return NULL;
  snprintf(path, size, "%s/%s", folder, name);
  return access(path, F_OK) == 0 ? path : NULL;
}

static int is_full(void) {
  char path[4096];
  return said(path, sizeof path, "full") != NULL;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Which moment of this write is the last.
static enum moment due(int fd) {
  char path[4096], word[16] = "";
  if (!is_database(fd)) return NEVER;
  enum moment now = NEVER;
  pthread_mutex_lock(&one_at_a_time);
  if (left < 0 && said(path, sizeof path, "kill")) {
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%ld %15s", &left, word) == 2)
      moment = !strcmp(word, "before") ? BEFORE : !strcmp(word, "torn") ? TORN : AFTER;
    if (file) fclose(file);
  }
  if (0 < left && --left == 0) now = moment;
  pthread_mutex_unlock(&one_at_a_time);
  if (now == BEFORE) die();
  return now;
}

#define REAL(name, ...) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, __VA_ARGS__)

static ssize_t put(__typeof__(pwrite64) *real, int fd, const void *bytes, size_t count, off64_t at) {
  struct stat file;
  enum moment last = due(fd);
  if (last == TORN) count = (count + 1) / 2;
  if (is_database(fd) && is_full() && fstat(fd, &file) == 0 && file.st_size < at + (off64_t)count) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t put = real(fd, bytes, count, at);
  if (last != NEVER) die();
  return put;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  REAL(pwrite64, "pwrite64");
  return put(real, fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  REAL(pwrite64, "pwrite64");
  return put(real, fd, bytes, count, at);
}

static int settle(int (*real)(int), int fd) {
  enum moment last = due(fd);
  int done = real(fd);
  if (last != NEVER) die();
  return done;
}

int fsync(int fd) {
  REAL(fsync, "fsync");
  return settle(real, fd);
}

int fdatasync(int fd) {
  REAL(fdatasync, "fdatasync");
  return settle(real, fd);
}

int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64, "ftruncate64");
  enum moment last = due(fd);
  int done = real(fd, length);
  if (last != NEVER) die();
  return done;
}

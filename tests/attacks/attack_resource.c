/* SPDX-License-Identifier: Apache-2.0 */
/* Time, memory, disk, output. */
#include "attack.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static void *burn(void *argument)
{
    for (volatile unsigned long i = 0;; i++)
        ;
    return argument;
}

static int busy_threads(void)
{
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, burn, NULL);
    }
    burn(NULL);
    return HELD;
}

static int sleep_long(void)
{
    sleep(1000);
    return HELD;
}

static int handle_sigxcpu(void)
{
    signal(SIGXCPU, SIG_IGN);
    burn(NULL);
    return HELD;
}

/* Where there are no control groups the box's CPU time is read in its /proc, which must not depend on who may look. */
static int burn_unseen(void)
{
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGXCPU, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        if (fork() == 0)
            burn(NULL);
    }
    burn(NULL);
    return HELD;
}

static int child_burns(void)
{
    if (fork() == 0)
        burn(NULL);
    wait(NULL);
    return HELD;
}

/* Many short-lived children, each far below any limit of its own. */
static int relay_burns(void)
{
    for (;;) {
        if (fork() == 0) {
            for (volatile unsigned long i = 0; i < 20000000; i++)
                ;
            _exit(0);
        }
        wait(NULL);
    }
}

static int fill_memory(int flags)
{
    for (;;) {
        char *block = mmap(NULL, MIB, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return GAVE_UP;
        memset(block, 1, MIB);
    }
}

static int memory_bomb(void)
{
    return fill_memory(MAP_PRIVATE);
}

static int shared_memory_bomb(void)
{
    return fill_memory(MAP_SHARED);
}

static int memfd_bomb(void)
{
    static char block[MIB];
    memset(block, 1, sizeof block);
    for (;;) {
        int fd = memfd_create("bomb", 0);
        for (int n = 0; n < 4; n++) {
            if (fd < 0 || write(fd, block, sizeof block) < 0)
                return GAVE_UP;
        }
    }
}

static int child_is_killed_for_memory(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(memory_bomb());
    int status;
    waitpid(pid, &status, 0);
    return HELD;
}

/* One page in each 2 MiB: little data, many page tables. */
static int page_table_bomb(void)
{
    for (;;) {
        const size_t span = 1UL << 30;
        char *block = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (block == MAP_FAILED)
            return GAVE_UP;
        madvise(block, span, MADV_NOHUGEPAGE);
        for (size_t at = 0; at < span; at += 2 * MIB)
            block[at] = 1;
    }
}

static int pipe_bomb(void)
{
    static char block[64 << 10];
    int kept = 0;
    for (;; kept++) {
        int pair[2];
        if (pipe(pair) < 0)
            return kept > 1000 ? escaped("1,000 pipes") : HELD;
        fcntl(pair[1], F_SETFL, O_NONBLOCK);
        (void)!write(pair[1], block, sizeof block);
    }
}

static int socket_buffer_bomb(void)
{
    static char block[64 << 10];
    for (;;) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
            return HELD;
        while (write(pair[0], block, sizeof block) > 0)
            ;
    }
}

static int recurse(int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return depth < 0 ? frame[0] : recurse(depth + 1) + frame[0];
}

static int stack_overflow(void)
{
    return recurse(1);
}

static int huge_reservation(void)
{
    mmap(NULL, 1UL << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return HELD;
}

static int lock_memory(void)
{
    return must_fail("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
}

static int fill_folder(const char *folder)
{
    static char block[64 << 10];
    for (int i = 0; i < 100000; i++) {
        char path[100];
        snprintf(path, sizeof path, "%s/fill%d", folder, i);
        int fd = open(path, O_WRONLY | O_CREAT, 0644);
        if (fd < 0)
            return GAVE_UP;
        for (int n = 0; n < 32; n++) {
            if (write(fd, block, sizeof block) < 0)
                return GAVE_UP;
        }
        close(fd);
    }
    return escaped("wrote 200 GB");
}

static int fill_work(void)
{
    return fill_folder("/work");
}

static int fill_tmp(void)
{
    return fill_folder("/tmp");
}

static int fill_shm(void)
{
    return fill_folder("/dev/shm");
}

static int fill_unlinked(void)
{
    static char block[64 << 10];
    for (;;) {
        int fd = open("/work/gone", O_WRONLY | O_CREAT, 0644);
        unlink("/work/gone");
        for (int n = 0; n < 64; n++) {
            if (fd < 0 || write(fd, block, sizeof block) < 0)
                return GAVE_UP;
        }
    }
}

/* The evidence is gone when the box ends. */
static int fill_and_remove(void)
{
    int r = fill_folder("/work");
    struct timespec pause = {0, 300000000};
    nanosleep(&pause, NULL);
    for (int i = 0; i < 100; i++) {
        char path[100];
        snprintf(path, sizeof path, "/work/fill%d", i);
        unlink(path);
    }
    return r;
}

static int inode_bomb(void)
{
    for (int i = 0; i < 1000000; i++) {
        char path[100];
        snprintf(path, sizeof path, "/tmp/%d", i);
        if (mknod(path, S_IFREG | 0644, 0) < 0)
            return GAVE_UP;
    }
    return escaped("a million files");
}

static int sparse_file(void)
{
    int fd = open("/work/sparse", O_WRONLY | O_CREAT, 0644);
    (void)!ftruncate(fd, 10LL << 40);
    return escaped("went on after SIGXFSZ");
}

static int large_file(void)
{
    static char block[64 << 10];
    int fd = open("/work/large", O_WRONLY | O_CREAT, 0644);
    while (write(fd, block, sizeof block) > 0)
        ;
    return GAVE_UP;
}

static int deep_folders(void)
{
    for (int i = 0; i < 100000; i++) {
        if (mkdir("a-folder-with-a-name-that-takes-up-some-room", 0755) < 0 ||
            chdir("a-folder-with-a-name-that-takes-up-some-room") < 0)
            return GAVE_UP;
    }
    return escaped("100,000 folders");
}

static int write_for_ever(int fd)
{
    static char block[16 << 10];
    memset(block, '\n', sizeof block);
    while (write(fd, block, sizeof block) > 0)
        ;
    return GAVE_UP;
}

static int output_bomb(void)
{
    return write_for_ever(STDOUT_FILENO);
}

static int error_bomb(void)
{
    return write_for_ever(STDERR_FILENO);
}

static int close_streams(void)
{
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    return HELD;
}

static int widen_pipe(void)
{
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 20);
    return write_for_ever(STDOUT_FILENO);
}

const Attack resource_attacks[] = {
    {"busy_threads", busy_threads, NULL},
    {"sleep_long", sleep_long, NULL},
    {"handle_sigxcpu", handle_sigxcpu, NULL},
    {"burn_unseen", burn_unseen, NULL},
    {"child_burns", child_burns, NULL},
    {"relay_burns", relay_burns, NULL},
    {"memory_bomb", memory_bomb, NULL},
    {"shared_memory_bomb", shared_memory_bomb, NULL},
    {"memfd_bomb", memfd_bomb, NULL},
    {"child_is_killed_for_memory", child_is_killed_for_memory, NULL},
    {"page_table_bomb", page_table_bomb, NULL},
    {"pipe_bomb", pipe_bomb, NULL},
    {"socket_buffer_bomb", socket_buffer_bomb, NULL},
    {"stack_overflow", stack_overflow, NULL},
    {"huge_reservation", huge_reservation, NULL},
    {"lock_memory", lock_memory, NULL},
    {"fill_work", fill_work, NULL},
    {"fill_tmp", fill_tmp, NULL},
    {"fill_shm", fill_shm, NULL},
    {"fill_unlinked", fill_unlinked, NULL},
    {"fill_and_remove", fill_and_remove, NULL},
    {"inode_bomb", inode_bomb, NULL},
    {"sparse_file", sparse_file, NULL},
    {"large_file", large_file, NULL},
    {"deep_folders", deep_folders, NULL},
    {"output_bomb", output_bomb, NULL},
    {"error_bomb", error_bomb, NULL},
    {"close_streams", close_streams, NULL},
    {"widen_pipe", widen_pipe, NULL},
    {NULL, NULL, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: too many, unkillable, outliving their parent, going for their siblings and for init. */
#include "attack.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, (ms % 1000) * 1000000}, NULL);
}

static void sleep_for_ever(void)
{
    for (;;)
        pause();
}

static int fork_bomb(void)
{
    int refused = 0;
    while (refused < 100) {
        pid_t pid = fork();
        if (pid == 0)
            sleep_for_ever();
        refused += pid < 0;
    }
    return GAVE_UP;
}

static int fork_bomb_for_ever(void)
{
    int n = 0;
    while (n >= 0)
        n = fork() < 0 ? 0 : 1;
    return GAVE_UP;
}

static int daemon_outlives(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            setsid();
            signal(SIGHUP, SIG_IGN);
            signal(SIGTERM, SIG_IGN);
            sleep_for_ever();
        }
        _exit(0);
    }
    wait(NULL);
    return HELD;
}

static int orphan_keeps_pipe(void)
{
    for (int i = 0; i < 5; i++) {
        if (fork() == 0) {
            for (;;) {
                (void)!write(STDOUT_FILENO, ".", 1);
                sleep_ms(20);
            }
        }
    }
    return HELD;
}

static int kill_everybody(void)
{
    for (int i = 0; i < 3; i++) {
        if (fork() == 0)
            sleep_for_ever();
    }
    kill(-1, SIGSTOP);
    kill(-1, SIGKILL);
    return HELD;
}

static int kill_init(void)
{
    for (int signal = 1; signal < 32; signal++) {
        kill(1, signal);
        union sigval value = {0};
        sigqueue(1, signal, value);
    }
    siginfo_t forged = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    syscall(SYS_rt_sigqueueinfo, 1, SIGUSR1, &forged);
    sleep_ms(50);
    return HELD;
}

static int ignore_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int signal_number = 1; signal_number < 32; signal_number++)
        signal(signal_number, SIG_IGN);
    sleep_for_ever();
    return GAVE_UP;
}

static int stop_self(void)
{
    raise(SIGSTOP);
    return escaped("went on after SIGSTOP");
}

static void *thread_sleeps(void *argument)
{
    sleep_for_ever();
    return argument;
}

static int threads_without_end(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    for (int i = 0; i < 10000; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, thread_sleeps, NULL) != 0)
            return GAVE_UP;
    }
    return escaped("10,000 threads");
}

static int vfork_hangs(void)
{
    pid_t pid = (pid_t)syscall(SYS_vfork);
    if (pid == 0)
        sleep_for_ever();
    return HELD;
}

static int subreaper(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 0; i < 5; i++) {
        if (fork() == 0) {
            if (fork() == 0)
                sleep_for_ever();
            _exit(0);
        }
    }
    return HELD;
}

static int real_time(void)
{
    struct sched_param parameters = {.sched_priority = 50};
    if (sched_setscheduler(0, SCHED_FIFO, &parameters) == 0)
        return escaped("SCHED_FIFO");
    return must_fail("nice -10", setpriority(PRIO_PROCESS, 0, -10));
}

static int exec_storm(void)
{
    execl("/proc/self/exe", "attack", "exec_storm", NULL);
    execl("/attack", "attack", "exec_storm", NULL);
    return GAVE_UP;
}

static int child_burns_on(void)
{
    if (fork() == 0) {
        for (;;)
            ;
    }
    return HELD;
}

static int raise_limits(void)
{
    const int resources[] = {RLIMIT_NPROC, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_MEMLOCK};
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
        if (setrlimit((__rlimit_resource_t)resources[i], &none) == 0)
            return escaped("raised a hard limit");
    }
    return HELD;
}

static int session_has_no_terminal(void)
{
    if (getsid(0) != getpid())
        return escaped("not in a session of its own");
    FILE *terminal = fopen("/dev/tty", "r+");
    return terminal ? escaped("opened /dev/tty") : HELD;
}

static int sees_only_the_box(void)
{
    if (getpid() != 2 || getppid() != 1)
        return escaped("not pid 2 of a box");
    for (pid_t pid = 3; pid < 100000; pid++) {
        if (kill(pid, 0) == 0)
            return escaped("sees a foreign process");
    }
    return HELD;
}

const Attack process_attacks[] = {
    {"fork_bomb", fork_bomb, NULL},
    {"fork_bomb_for_ever", fork_bomb_for_ever, NULL},
    {"daemon_outlives", daemon_outlives, NULL},
    {"orphan_keeps_pipe", orphan_keeps_pipe, NULL},
    {"kill_everybody", kill_everybody, NULL},
    {"kill_init", kill_init, NULL},
    {"ignore_signals", ignore_signals, NULL},
    {"stop_self", stop_self, NULL},
    {"threads_without_end", threads_without_end, NULL},
    {"vfork_hangs", vfork_hangs, NULL},
    {"subreaper", subreaper, NULL},
    {"real_time", real_time, NULL},
    {"exec_storm", exec_storm, NULL},
    {"child_burns_on", child_burns_on, NULL},
    {"raise_limits", raise_limits, NULL},
    {"session_has_no_terminal", session_has_no_terminal, NULL},
    {"sees_only_the_box", sees_only_the_box, NULL},
    {NULL, NULL, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. The supervisor starts each role as a child of its own: this same program, `rubricd role NAME`.
 * It waits on their pidfds and on a signalfd with one poll; what dies is started again after a wait that doubles from
 * 100 ms to 30 s and falls back after a quiet minute. Children die with it (PR_SET_PDEATHSIG), so there is one way to
 * stop: SIGTERM kills them, SIGKILL does the same. A lock on <state>/run/lock, held as long as the process lives, keeps
 * a second daemon off the same state.
 *
 * With `once` intake ends by itself when every source was looked at; the supervisor then asks the store until nothing
 * waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/roles/home.h"
#include "daemon/roles/notify.h"
#include "daemon/roles/role.h"

static const gint64 first_wait_us = CLOCK_SECOND_US / 10, longest_wait_us = 30 * CLOCK_SECOND_US;
static const gint64 quiet_us = 60 * CLOCK_SECOND_US;
static const gint64 ask_store_every_us = CLOCK_SECOND_US / 5;
static const guint max_ends = 32;
static const gint64 tell_status_every_us = 10 * CLOCK_SECOND_US;

typedef struct {
    const char *role;
    char *instance;
    Process process; /* pid -1: not running */
    gint64 started_mono_us, start_at_mono_us;
    gint64 wait_us; /* before the next start after a death */
    bool is_done;   /* ended as it should (once) */
    GArray *ends;   /* of gint64: when it ended, the last of them */
} Child;

typedef struct {
    const Config *config;
    bool once;
    char *program;
    GPtrArray *children;    /* of Child* */
    struct pollfd *waiting; /* room for the children and the signals */
    Store *store;           /* only with once, when intake is done */
    guint64 n_restarts;
    gint64 watchdog_us, next_watchdog_us, next_status_us;
} Supervisor;

static void child_free(gpointer data)
{
    Child *child = data;
    g_free(child->instance);
    g_array_unref(child->ends);
    g_free(child);
}

static void add_child(Supervisor *supervisor, const char *role, gint64 instance)
{
    Child *child = g_new0(Child, 1);
    child->role = role;
    child->instance = g_strdup_printf("%" G_GINT64_FORMAT, instance);
    child->process = (Process){.pid = -1, .pidfd = -1};
    child->wait_us = first_wait_us;
    child->ends = g_array_new(false, false, sizeof(gint64));
    g_ptr_array_add(supervisor->children, child);
}

/* ---- children
 * ----------------------------------------------------------------------------------------------------------------- */

static void schedule_restart(Child *child)
{
    gint64 now_us = clock_monotonic_us();
    if (child->started_mono_us > 0 && now_us - child->started_mono_us >= quiet_us)
        child->wait_us = first_wait_us;
    child->start_at_mono_us = now_us + child->wait_us;
    child->wait_us = MIN(child->wait_us * 2, longest_wait_us);
}

static void start_child(Supervisor *supervisor, Child *child)
{
    const char *argv[10];
    gsize n = 0;
    argv[n++] = supervisor->program;
    argv[n++] = "role";
    argv[n++] = child->role;
    argv[n++] = "--config";
    argv[n++] = supervisor->config->path;
    argv[n++] = "--instance";
    argv[n++] = child->instance;
    if (supervisor->once)
        argv[n++] = "--once";
    argv[n] = NULL;
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    GError *error = NULL;
    if (process_start(&spec, &child->process, &error)) {
        child->started_mono_us = clock_monotonic_us();
        return;
    }
    child->process = (Process){.pid = -1, .pidfd = -1};
    log_error_free(LOG_ERR, "role_not_started", "role", child->role, error);
    schedule_restart(child);
}

/* For digests: when the processes of this one's role ended. */
static void note_ends(const Supervisor *supervisor, Child *child)
{
    gint64 now_us = clock_now_us();
    g_array_append_val(child->ends, now_us);
    if (child->ends->len > max_ends)
        g_array_remove_index(child->ends, 0);
    g_autoptr(cJSON) json = cJSON_CreateObject();
    cJSON *list = json_add(json, "ended_us", cJSON_CreateArray());
    for (guint i = 0; i < supervisor->children->len; i++) {
        const Child *other = g_ptr_array_index(supervisor->children, i);
        for (guint k = 0; strcmp(other->role, child->role) == 0 && k < other->ends->len; k++)
            cJSON_AddItemToArray(list, cJSON_CreateNumber((double)g_array_index(other->ends, gint64, k)));
    }
    g_autofree char *name = g_strdup_printf("role-%s", child->role);
    note_write(supervisor->config, name, json);
}

static void note_end(Supervisor *supervisor, Child *child)
{
    ProcessEnd end = {0};
    if (!process_wait(&child->process, 0, &end, NULL))
        return;
    if (supervisor->once && end.exited && end.code == 0) {
        child->is_done = true;
        return;
    }
    supervisor->n_restarts++;
    schedule_restart(child);
    note_ends(supervisor, child);
    g_autofree char *code = g_strdup_printf("%d", end.code);
    g_autofree char *wait =
        g_strdup_printf("%" G_GINT64_FORMAT, (child->start_at_mono_us - clock_monotonic_us()) / 1000);
    log_event(LOG_WARNING, "role_ended", "role", child->role, "instance", child->instance,
              end.exited ? "status" : "signal", code, "restart_in_ms", wait, NULL);
}

static void start_due(Supervisor *supervisor)
{
    for (guint i = 0; i < supervisor->children->len; i++) {
        Child *child = g_ptr_array_index(supervisor->children, i);
        if (child->process.pid < 0 && !child->is_done && child->start_at_mono_us <= clock_monotonic_us())
            start_child(supervisor, child);
    }
}

static void kill_all(Supervisor *supervisor)
{
    for (guint i = 0; i < supervisor->children->len; i++) {
        Child *child = g_ptr_array_index(supervisor->children, i);
        if (child->process.pid < 0)
            continue;
        process_kill(&child->process, SIGKILL);
        process_wait(&child->process, -1, NULL, NULL);
    }
}

/* ---- once
 * ---------------------------------------------------------------------------------------------------------------------
 */

static bool intake_is_done(const Supervisor *supervisor)
{
    const Child *intake = g_ptr_array_index(supervisor->children, 0);
    return intake->is_done;
}

/* Is there nothing left to grade or post? A store that fails is asked again. */
static bool all_is_done(Supervisor *supervisor)
{
    if (!supervisor->once || !intake_is_done(supervisor))
        return false;
    g_autoptr(GError) error = NULL;
    if (!supervisor->store) {
        g_autofree char *path = config_store_path(supervisor->config);
        supervisor->store = store_open(path, &error);
    }
    StoreCounts counts = {0};
    if (!supervisor->store || !store_counts(supervisor->store, &counts, &error)) {
        log_event(LOG_WARNING, "store_not_asked", "error", error ? error->message : NULL, NULL);
        return false;
    }
    return counts.n_queued == 0 && counts.n_claimed == 0 && counts.n_outbox_waiting == 0;
}

/* ---- the loop
 * ----------------------------------------------------------------------------------------------------------------- */

static void tell_systemd(Supervisor *supervisor)
{
    gint64 now_us = clock_monotonic_us();
    if (supervisor->watchdog_us > 0 && now_us >= supervisor->next_watchdog_us) {
        notify_send("WATCHDOG=1");
        supervisor->next_watchdog_us = now_us + supervisor->watchdog_us;
    }
    if (now_us < supervisor->next_status_us)
        return;
    guint n_running = 0;
    for (guint i = 0; i < supervisor->children->len; i++)
        n_running += ((const Child *)g_ptr_array_index(supervisor->children, i))->process.pid > 0;
    g_autofree char *status = g_strdup_printf("STATUS=%u of %u processes run; %" G_GUINT64_FORMAT " restarts",
                                              n_running, supervisor->children->len, supervisor->n_restarts);
    notify_send(status);
    supervisor->next_status_us = now_us + tell_status_every_us;
}

static gint64 next_event_us(const Supervisor *supervisor)
{
    gint64 next_us = clock_monotonic_us() + tell_status_every_us;
    if (supervisor->watchdog_us > 0)
        next_us = MIN(next_us, supervisor->next_watchdog_us);
    if (supervisor->once && intake_is_done(supervisor))
        next_us = MIN(next_us, clock_monotonic_us() + ask_store_every_us);
    for (guint i = 0; i < supervisor->children->len; i++) {
        const Child *child = g_ptr_array_index(supervisor->children, i);
        if (child->process.pid < 0 && !child->is_done)
            next_us = MIN(next_us, child->start_at_mono_us);
    }
    return next_us;
}

/* Waits for a death, a signal or the next thing to do. true: told to stop. */
static bool wait_for_something(Supervisor *supervisor, int signal_fd)
{
    guint n = supervisor->children->len;
    struct pollfd *waiting = supervisor->waiting;
    waiting[0] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
    for (guint i = 0; i < n; i++)
        waiting[i + 1] = (struct pollfd){
            .fd = ((const Child *)g_ptr_array_index(supervisor->children, i))->process.pidfd, .events = POLLIN};
    gint64 wait_us = MAX(next_event_us(supervisor) - clock_monotonic_us(), 0);
    if (poll(waiting, n + 1, (int)(wait_us / 1000 + 1)) <= 0)
        return false;
    for (guint i = 0; i < n; i++) {
        if (waiting[i + 1].revents)
            note_end(supervisor, g_ptr_array_index(supervisor->children, i));
    }
    return waiting[0].revents != 0;
}

static int run(Supervisor *supervisor, int signal_fd)
{
    notify_send("READY=1");
    for (;;) {
        start_due(supervisor);
        tell_systemd(supervisor);
        if (wait_for_something(supervisor, signal_fd)) {
            log_event(LOG_NOTICE, "stopping", "why", "a signal asked for it", NULL);
            return 0;
        }
        if (all_is_done(supervisor)) {
            log_event(LOG_NOTICE, "stopping", "why", "all is graded and posted", NULL);
            return 0;
        }
    }
}

/* ---- start
 * ----------------------------------------------------------------------------------------------------------------------
 */

/* The fd of the lock, held till we die; -1 and *error: another daemon has it. */
static int lock_state(const Config *config, GError **error)
{
    g_autofree char *folder = g_build_filename(config->state_folder, "run", NULL);
    g_autofree char *path = g_build_filename(folder, "lock", NULL);
    if (!config_make_state_folder(config, error) || !file_make_folder(folder, 0700, error))
        return -1;
    file_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot open \"%s\"", path);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        error_set(error, RUBRIC_ERROR_DENIED,
                  "another rubricd runs on the state folder \"%s\"; stop it first, or give this one another",
                  config->state_folder);
        return -1;
    }
    return file_steal_fd(&fd);
}

/* The program by its path, so that process lists name it; by /proc when it was replaced meanwhile. */
static char *own_program(void)
{
    g_autofree char *path = g_file_read_link("/proc/self/exe", NULL);
    return path && access(path, X_OK) == 0 ? g_steal_pointer(&path) : g_strdup("/proc/self/exe");
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What `rubric doctor` would say: a lack is better met in the log than at the first submission. */
static void log_machine(void)
{
    enum { MAX_FACTS = 32 };
    BoxFact facts[MAX_FACTS];
    BoxClient *client = NULL;
    g_autofree char *program = process_own_program("rubric-box", NULL);
    if (!program || box_client_new(program, NULL, &client) < 0) {
        log_event(LOG_ERR, "box_missing", "error", "the program rubric-box cannot be used: nothing can be graded",
                  NULL);
        return;
    }
    size_t n = MIN(box_examine_machine(client, facts, MAX_FACTS), (size_t)MAX_FACTS);
    for (size_t i = 0; i < n; i++) {
        if (facts[i].holds)
            log_event(LOG_INFO, "machine_gives", "what", facts[i].name, "found", facts[i].detail, NULL);
        else
            log_event(facts[i].is_required ? LOG_ERR : LOG_WARNING, "machine_lacks", "what", facts[i].name, "found",
                      facts[i].detail, "mend", facts[i].mend, NULL);
    }
    box_client_free(client);
}

/* A course with errors is told at once and to the one who starts us, not by roles that die again and again. */
static bool check_course(const Config *config, GError **error)
{
    CourseWatch watch = {0};
    bool is_good = course_watch_open(&watch, config->course_folder, error);
    course_watch_clear(&watch);
    malloc_trim(0); /* the supervisor stays small */
    return is_good;
}

/* What no role could mend is told at once too: a store of a newer version, on a network's disk, or a copy of another's.
 */
static bool check_state(const Config *config, GError **error)
{
    g_autofree char *path = config_store_path(config);
    g_autoptr(Store) store = store_open(path, error);
    return store && home_enter(store, config, error);
}

static void log_start(const Config *config)
{
    g_autofree char *now = clock_format_utc(clock_now_us());
    g_autofree char *n_grade = g_strdup_printf("%" G_GINT64_FORMAT, config->n_grade);
    log_event(LOG_NOTICE, "starting", "version", RUBRIC_VERSION, "config", config->path, "state", config->state_folder,
              "grade_processes", n_grade, NULL);
    if (config->pretend_now_us != CONFIG_REAL_TIME)
        log_event(LOG_WARNING, "time_is_pretended", "now", now, "why",
                  "the configuration has pretend_now: deadlines are rehearsed, not real", NULL);
}

int supervisor_run(const Config *config, bool once)
{
    log_setup("supervisor", LOG_INFO);
    g_autoptr(GError) error = NULL;
    file_autofd int signal_fd = open_signals(); /* first, so that a signal is never met unprepared */
    file_autofd int lock_fd = lock_state(config, &error);
    if (lock_fd < 0) {
        log_event(LOG_ERR, "not_started", "error", error->message, NULL);
        return 1;
    }
    log_start(config);
    if (!check_state(config, &error) || !check_course(config, &error)) {
        fprintf(stderr, "rubricd: not started: %s\n", error->message);
        return 1;
    }
    log_machine();
    Supervisor supervisor = {
        .config = config,
        .once = once,
        .program = own_program(),
        .children = g_ptr_array_new_with_free_func(child_free),
        .watchdog_us = notify_watchdog_us(),
    };
    add_child(&supervisor, "intake", 1);
    for (gint64 i = 1; i <= config->n_grade; i++)
        add_child(&supervisor, "grade", i);
    add_child(&supervisor, "post", 1);
    if (config->notices->len > 0)
        add_child(&supervisor, "notice", 1);
    if (config->web)
        add_child(&supervisor, "web", 1);

    supervisor.waiting = g_new0(struct pollfd, supervisor.children->len + 1);
    int status = signal_fd < 0 ? 1 : run(&supervisor, signal_fd);
    kill_all(&supervisor);
    notify_send("STOPPING=1");
    g_clear_pointer(&supervisor.store, store_close);
    g_ptr_array_unref(supervisor.children);
    g_free(supervisor.waiting);
    g_free(supervisor.program);
    return status;
}

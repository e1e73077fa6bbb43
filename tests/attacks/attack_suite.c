/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs each attack in a box of its own and looks what became of it: the box status, the report, and the host, which
 * must be as it was: no process of the box's user, no control group, no mount, nobody at the doors that the suite
 * opened.
 *
 *   attack-suite [--mode cold|slot|warm] [--as UID] [--patience N] [--inner-root yes]
 *
 * With --as, as that user (only for root); exit 77 when that cannot be. --patience multiplies the limits of time, for
 * emulated processors.
 */
#include "attack_cases.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_SKIPPED = 77, STATUS_ESCAPED = 99 };

static const Case cases[] = {
    {"fork_bomb", PROCESSES, CONTAINED, ANY_REPORT, 0, 0},
    {"fork_bomb_for_ever", CPU, CONTAINED, ANY_REPORT, 0, 0},
    {"daemon_outlives", HELD, HELD, ANY_REPORT, 0, 0},
    {"orphan_keeps_pipe", HELD, HELD, ANY_REPORT, 0, 0},
    {"kill_everybody", HELD, HELD, ANY_REPORT, 0, 0},
    {"kill_init", HELD, HELD, ANY_REPORT, 0, 0},
    {"ignore_signals", WALL, WALL, ANY_REPORT, 300, 0},
    {"stop_self", WALL, WALL, ANY_REPORT, 300, 0},
    {"threads_without_end", PROCESSES, CONTAINED, ANY_REPORT, 0, 0},
    {"vfork_hangs", WALL, WALL, ANY_REPORT, 300, 0},
    {"subreaper", HELD, HELD, ANY_REPORT, 0, 0},
    {"real_time", HELD, HELD, ANY_REPORT, 0, 0},
    {"exec_storm", CONTAINED, CONTAINED, ANY_REPORT, 500, 0},
    {"child_burns_on", HELD, HELD, ANY_REPORT, 0, 0},
    {"raise_limits", HELD, HELD, ANY_REPORT, 0, 0},
    {"session_has_no_terminal", HELD, HELD, ANY_REPORT, 0, 0},
    {"sees_only_the_box", HELD, HELD, ANY_REPORT, 0, 0},

    {"busy_threads", CPU, CPU, ANY_REPORT, 0, 0},
    {"sleep_long", WALL, WALL, ANY_REPORT, 300, 0},
    {"handle_sigxcpu", CPU, CPU, ANY_REPORT, 0, 0},
    {"child_burns", CPU, CPU, ANY_REPORT, 0, 0},
    {"burn_unseen", CPU, CPU, ANY_REPORT, 0, 0},
    {"relay_burns", CPU, CPU, ANY_REPORT, 0, 0},
    {"memory_bomb", MEMORY, CONTAINED, ANY_REPORT, 0, 0},
    {"shared_memory_bomb", MEMORY, CONTAINED, ANY_REPORT, 0, 0},
    {"memfd_bomb", MEMORY, CONTAINED, ANY_REPORT, 500, 0},
    {"child_is_killed_for_memory", HELD, HELD, ANY_REPORT, 0, 0},
    {"page_table_bomb", MEMORY, CONTAINED, ANY_REPORT, 0, 0},
    {"pipe_bomb", HELD, HELD, ANY_REPORT, 0, 0},
    {"socket_buffer_bomb", CONTAINED, CONTAINED, ANY_REPORT, 0, 0},
    {"stack_overflow", SEGMENT, SEGMENT, ANY_REPORT, 0, 0},
    {"huge_reservation", HELD, HELD, ANY_REPORT, 0, 0},
    {"lock_memory", HELD, HELD, ANY_REPORT, 0, 0},
    {"fill_work", DISK, DISK, ANY_REPORT, 0, 0},
    {"fill_tmp", DISK, DISK, ANY_REPORT, 0, 0},
    {"fill_shm", DISK, DISK, ANY_REPORT, 0, 0},
    {"fill_unlinked", CONTAINED, CONTAINED, ANY_REPORT, 0, 0},
    {"fill_and_remove", DISK, DISK, ANY_REPORT, 0, 0},
    {"inode_bomb", DISK, DISK, ANY_REPORT, 0, 0},
    {"sparse_file", FILE_SIZE, FILE_SIZE, ANY_REPORT, 0, 0},
    {"large_file", FILE_SIZE, FILE_SIZE, ANY_REPORT, 0, 0},
    {"deep_folders", DISK, DISK, ANY_REPORT, 0, 0},
    {"output_bomb", OUTPUT, OUTPUT, ANY_REPORT, 0, 0},
    {"error_bomb", OUTPUT, OUTPUT, ANY_REPORT, 0, 0},
    {"close_streams", HELD, HELD, ANY_REPORT, 0, 0},
    {"widen_pipe", OUTPUT, OUTPUT, ANY_REPORT, 0, 0},

    {"read_secrets", HELD, HELD, BOX_REPORT_ABSENT, 0, 0},
    {"read_host_secret", HELD, HELD, ANY_REPORT, 0, 0},
    {"look_into_init", HELD, HELD, ANY_REPORT, 0, 0},
    {"write_system", HELD, HELD, ANY_REPORT, 0, 0},
    {"open_devices", HELD, HELD, ANY_REPORT, 0, 0},
    {"make_devices", HELD, HELD, ANY_REPORT, 0, 0},
    {"mount_things", HELD, HELD, ANY_REPORT, 0, 0},
    {"leave_by_chroot", HELD, HELD, ANY_REPORT, 0, 0},
    {"open_by_handle", HELD, HELD, ANY_REPORT, 0, 0},
    {"inherited_fds", HELD, HELD, ANY_REPORT, 0, 0},
    {"become_others", HELD, HELD, ANY_REPORT, 0, 0},
    {"overwrite_program", HELD, HELD, ANY_REPORT, 0, 0},
    {"hard_link_system", HELD, HELD, ANY_REPORT, 0, 0},
    {"rename_workspace", HELD, HELD, ANY_REPORT, 0, 0},
    {"cgroup_and_namespaces_hidden", HELD, HELD, ANY_REPORT, 0, 0},

    {"report_plain", HELD, HELD, BOX_REPORT_OK, 0, 0},
    {"report_link", HELD, HELD, BOX_REPORT_NOT_FILE, 0, 0},
    {"report_link_to_init", HELD, HELD, BOX_REPORT_NOT_FILE, 0, 0},
    {"report_hard_link", HELD, HELD, BOX_REPORT_NOT_FILE, 0, 0},
    {"report_fifo", HELD, HELD, BOX_REPORT_NOT_FILE, 0, 0},
    {"report_folder", HELD, HELD, BOX_REPORT_NOT_FILE, 0, 0},
    {"report_socket", HELD, HELD, BOX_REPORT_NOT_FILE, 0, 0},
    {"report_too_large", HELD, HELD, BOX_REPORT_TOO_LARGE, 0, 0},
    {"report_unreadable", HELD, HELD, BOX_REPORT_UNREADABLE, 0, 0},
    {"report_linked_folder", HELD, HELD, BOX_REPORT_NOT_FILE, 0, 0},
    {"report_raced", HELD, HELD, ANY_REPORT, 0, 0},

    {"refused_system_calls", HELD, HELD, ANY_REPORT, 0, 0},
    {"unknown_system_calls", HELD, HELD, ANY_REPORT, 0, 0},
    {"trace_me", HELD, HELD, ANY_REPORT, 0, 0},
    {"read_init_memory", HELD, HELD, ANY_REPORT, 0, 0},
    {"unshare_everything", HELD, HELD, ANY_REPORT, 0, 0},
    {"clone_namespaces", HELD, HELD, ANY_REPORT, 0, 0},
    {"fixed_addresses", HELD, HELD, ANY_REPORT, 0, 0},
    {"push_to_terminal", HELD, HELD, ANY_REPORT, 0, 0},
    {"call_x32", BAD_CALL, BAD_CALL, ANY_REPORT, 0, 0},
    {"call_int80", BAD_CALL, BAD_CALL, ANY_REPORT, 0, 0},
    {"forbidden_prctls", HELD, HELD, ANY_REPORT, 0, 0},
    {"setuid_programs", HELD, HELD, ANY_REPORT, 0, 0},
    {"high_bits", HELD, HELD, ANY_REPORT, 0, 0},
    {"set_clock", HELD, HELD, ANY_REPORT, 0, 0},

    {"connect_host_loopback", HELD, HELD, ANY_REPORT, 0, 0},
    {"connect_outside", HELD, HELD, ANY_REPORT, 0, 0},
    {"connect_abstract", HELD, HELD, ANY_REPORT, 0, 0},
    {"odd_families", HELD, HELD, ANY_REPORT, 0, 0},
    {"raw_sockets", HELD, HELD, ANY_REPORT, 0, 0},
    {"no_interfaces", HELD, HELD, ANY_REPORT, 0, 0},

    {"homes_are_hidden", HELD, HELD, ANY_REPORT, 0, 0},
    {"sysfs_is_hidden", HELD, HELD, ANY_REPORT, 0, 0},
    {"boot_and_opt_are_hidden", HELD, HELD, ANY_REPORT, 0, 0},
    {"run_is_empty", HELD, HELD, ANY_REPORT, 0, 0},
    {"var_is_empty", HELD, HELD, ANY_REPORT, 0, 0},
    {"host_names_are_hidden", HELD, HELD, ANY_REPORT, 0, 0},
    {"kcore_is_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"symbols_are_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"boot_parameters_are_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"keys_are_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"interrupts_are_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"buses_are_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"schedules_are_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"processes_are_the_box", HELD, HELD, ANY_REPORT, 0, 0},
    {"covers_stay", HELD, HELD, ANY_REPORT, 0, 0},
    {"sysrq_is_masked", HELD, HELD, ANY_REPORT, 0, 0},
    {"settings_are_read_only", HELD, HELD, ANY_REPORT, 0, 0},
    {"mount_table_shows_the_box", HELD, HELD, ANY_REPORT, 0, 0},
    {"no_descriptor_is_left_open", HELD, HELD, ANY_REPORT, 0, 0},
    {"environment_is_the_given_one", HELD, HELD, ANY_REPORT, 0, 0},
    {"init_belongs_to_nobody", HELD, HELD, ANY_REPORT, 0, 0},
    {"init_memory_is_closed", HELD, HELD, ANY_REPORT, 0, 0},
    {"remove_everything", HELD, HELD, ANY_REPORT, 0, 0},
    {"move_the_system_away", HELD, HELD, ANY_REPORT, 0, 0},
    {"cover_a_program", HELD, HELD, ANY_REPORT, 0, 0},
    {"hard_link_the_bound_program", HELD, HELD, ANY_REPORT, 0, 0},
    {"append_to_the_bound_program", HELD, HELD, ANY_REPORT, 0, 0},
    {"give_files_away", HELD, HELD, ANY_REPORT, 0, 0},
    {"links_that_loop", HELD, HELD, ANY_REPORT, 0, 0},
    {"odd_names", HELD, HELD, ANY_REPORT, 0, 0},
    {"a_name_too_long", HELD, HELD, ANY_REPORT, 0, 0},
    {"setuid_copy_of_the_shell", HELD, HELD, ANY_REPORT, 0, 0},
    {"become_root_by_su", HELD, HELD, ANY_REPORT, 0, 0},
    {"groups_are_dropped", HELD, HELD, ANY_REPORT, 0, 0},
    {"unshare_by_tool", HELD, HELD, ANY_REPORT, 0, 0},
    {"enter_init_by_tool", HELD, HELD, ANY_REPORT, 0, 0},
    {"mount_by_tool", HELD, HELD, ANY_REPORT, 0, 0},
    {"chroot_by_tool", HELD, HELD, ANY_REPORT, 0, 0},
    {"read_the_kernel_log", HELD, HELD, ANY_REPORT, 0, 0},
    {"set_the_date", HELD, HELD, ANY_REPORT, 0, 0},
    {"rename_the_host", HELD, HELD, ANY_REPORT, 0, 0},
    {"raise_priority", HELD, HELD, ANY_REPORT, 0, 0},
    {"real_time_by_tool", HELD, HELD, ANY_REPORT, 0, 0},
    {"limits_stay", HELD, HELD, ANY_REPORT, 0, 0},
    {"no_core_is_left", HELD, HELD, ANY_REPORT, 0, 0},
    {"umask_is_usual", HELD, HELD, ANY_REPORT, 0, 0},
    {"signals_to_init", HELD, HELD, ANY_REPORT, 0, 0},
    {"the_monitors_signal_to_init", HELD, HELD, ANY_REPORT, 0, 0},
    {"real_time_signals_to_init", HELD, HELD, ANY_REPORT, 0, 0},
    {"stopped_sibling", HELD, HELD, ANY_REPORT, 0, 0},
    {"sleepers_in_sessions", HELD, HELD, ANY_REPORT, 0, 0},
    {"spin_with_signals_ignored", CPU, CPU, ANY_REPORT, 0, 0},
    {"wait_for_a_fifo", WALL, WALL, ANY_REPORT, 300, 0},
    {"kill_yourself", CONTAINED, CONTAINED, ANY_REPORT, 0, 0},
    {"abort_yourself", CONTAINED, CONTAINED, ANY_REPORT, 0, 0},
    {"report_is_written_after_the_end", HELD, HELD, BOX_REPORT_OK, 0, 0},
    {"report_is_written_by_a_daemon", HELD, HELD, BOX_REPORT_OK, 0, 0},
    {"bytes_of_all_kinds", HELD, HELD, ANY_REPORT, 0, 0},
    {"one_endless_line", OUTPUT, OUTPUT, ANY_REPORT, 0, 0},
    {"both_streams_at_once", OUTPUT, OUTPUT, ANY_REPORT, 0, 0},
    {"no_routes", HELD, HELD, ANY_REPORT, 0, 0},
    {"no_sockets_of_the_host", HELD, HELD, ANY_REPORT, 0, 0},
    {"no_name_service", HELD, HELD, ANY_REPORT, 0, 0},
    {"leave_files", HELD, HELD, ANY_REPORT, 0, 0},
    {"find_files", HELD, HELD, ANY_REPORT, 0, 0},
    {"leave_processes", HELD, HELD, ANY_REPORT, 0, 0},
    {"find_processes", HELD, HELD, ANY_REPORT, 0, 0},
    {"leave_sockets", HELD, HELD, ANY_REPORT, 0, 0},
    {"find_sockets", HELD, HELD, ANY_REPORT, 0, 0},
    {"leave_sockets_in_flight", HELD, HELD, ANY_REPORT, 0, 0},
    {"find_no_sockets", HELD, HELD, ANY_REPORT, 0, 0},
    {"find_the_usual_names", HELD, HELD, ANY_REPORT, 0, 0},
    {"raise_the_loopback", HELD, HELD, ANY_REPORT, 0, 0},
    {"replace_the_firewall", HELD, HELD, ANY_REPORT, 0, 0},
    {"privileged_socket_options", HELD, HELD, ANY_REPORT, 0, 0},
    {"mapped_address", HELD, HELD, ANY_REPORT, 0, 0},
    {"file_capabilities", HELD, HELD, ANY_REPORT, 0, 0},
    {"attributes", HELD, HELD, ANY_REPORT, 0, 0},
    {"immutable_file", HELD, HELD, ANY_REPORT, 0, 0},
    {"many_timers", HELD, HELD, ANY_REPORT, 0, 0},
    {"many_watches", HELD, HELD, ANY_REPORT, 0, 0},
    {"many_events", HELD, HELD, ANY_REPORT, 0, 0},
    {"many_epolls", HELD, HELD, ANY_REPORT, 0, 0},
    {"many_open_files", HELD, HELD, ANY_REPORT, 0, 0},
    {"many_zombies", PROCESSES, CONTAINED, ANY_REPORT, 0, 0},
    {"allocate_a_large_file", FILE_SIZE, FILE_SIZE, ANY_REPORT, 0, 0},
    {"fill_nameless_files", CONTAINED, CONTAINED, ANY_REPORT, 0, 0},
    {"map_a_sparse_file", CONTAINED, CONTAINED, ANY_REPORT, 0, 0},
    {"storm_of_syncs", CONTAINED, CONTAINED, ANY_REPORT, 500, 0},
    {"run_from_memory", HELD, HELD, ANY_REPORT, 0, 0},
    {"hang_in_a_futex", WALL, WALL, ANY_REPORT, 300, 0},
    {"child_of_init", HELD, HELD, ANY_REPORT, 0, 0},
    {"own_a_descriptor_by_init", HELD, HELD, ANY_REPORT, 0, 0},
    {"call_vsyscall", CONTAINED, CONTAINED, ANY_REPORT, 0, 0},

    {"read_init_memory", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_DEBUG},
    {"trace_init_when_allowed", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_DEBUG},
    {"tracer_changes_a_call", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_DEBUG},
    {"queues_when_allowed", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_MESSAGE_QUEUES | BOX_CALLS_SYSV_IPC},
    {"find_no_queues", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_MESSAGE_QUEUES | BOX_CALLS_SYSV_IPC},
    {"unshare_everything", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_ALL},
    {"clone_namespaces", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_ALL},
    {"mount_things", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_ALL},
    {"call_int80", BAD_CALL, BAD_CALL, ANY_REPORT, 0, BOX_CALLS_ALL},
};

/* ---- the host, and what the suite puts there to be attacked
 * ------------------------------------------------------------ */

typedef struct {
    BoxClient *client;
    char programs[400]; /* the folder of attack-cases */
    char secret[64], port_env[64], secret_env[128], socket_env[64];
    int tcp_fd, unix_fd;
    long n_mount_lines;
    bool has_groups;
    BoxMode mode;
    bool inner_root;
    int n_run, n_failed;
    int patience; /* by which limits of time are multiplied */
} Suite;

static void make_doors(Suite *suite)
{
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof inet;
    suite->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(suite->tcp_fd, (struct sockaddr *)&inet, size) < 0 || listen(suite->tcp_fd, 5) < 0 ||
        getsockname(suite->tcp_fd, (struct sockaddr *)&inet, &size) < 0)
        perror("attack-suite: listening on the loopback");
    snprintf(suite->port_env, sizeof suite->port_env, "HOST_PORT=%d", ntohs(inet.sin_port));

    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int n = snprintf(local.sun_path + 1, sizeof local.sun_path - 1, "attack-suite-%d", (int)getpid());
    suite->unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(suite->unix_fd, (struct sockaddr *)&local,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0 ||
        listen(suite->unix_fd, 5) < 0)
        perror("attack-suite: listening on an abstract socket");
    snprintf(suite->socket_env, sizeof suite->socket_env, "HOST_SOCKET=attack-suite-%d", (int)getpid());

    strcpy(suite->secret, "/tmp/attack-secret-XXXXXX");
    int fd = mkstemp(suite->secret);
    if (fd < 0 || write(fd, "secret", 6) != 6 || fchmod(fd, 0644) < 0)
        perror("attack-suite: making a secret");
    close(fd);
    snprintf(suite->secret_env, sizeof suite->secret_env, "HOST_SECRET=%s", suite->secret);
}

static long count_lines(const char *path)
{
    FILE *file = fopen(path, "re");
    long n = 0;
    for (int c = file ? fgetc(file) : EOF; c != EOF; c = fgetc(file))
        n += c == '\n';
    if (file)
        fclose(file);
    return n;
}

static bool is_of_user(const char *pid, uid_t uid)
{
    char path[300];
    struct stat info;
    snprintf(path, sizeof path, "/proc/%s", pid);
    return stat(path, &info) == 0 && info.st_uid == uid;
}

/* Processes of the box's user, other than the suite itself and its children that are not of the box. */
static int count_processes(uid_t uid, bool is_own_uid)
{
    DIR *entries = opendir("/proc");
    int n = 0;
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        char path[300], name[64] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file && !fgets(name, sizeof name, file))
            name[0] = '\0';
        if (file)
            fclose(file);
        /* A box that waits for its request is no trace of the last one. */
        bool is_ready = strcmp(name, "box-ready\n") == 0;
        bool is_ours = strcmp(name, "attack-cases\n") == 0 || strcmp(name, "attack\n") == 0 ||
                       strcmp(name, "rubric-box\n") == 0 || strcmp(name, "box-init\n") == 0 ||
                       strcmp(name, "box-monitor\n") == 0;
        n += is_of_user(entry->d_name, uid) && !is_ready && (is_own_uid || is_ours);
    }
    closedir(entries);
    return n;
}

static bool holds_group_of(const char *folder, const char *prefix, int depth)
{
    DIR *entries = depth > 0 ? opendir(folder) : NULL;
    bool holds = false;
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry && !holds; entry = readdir(entries)) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        char below[1000];
        snprintf(below, sizeof below, "%s/%s", folder, entry->d_name);
        holds = strncmp(entry->d_name, prefix, strlen(prefix)) == 0 || holds_group_of(below, prefix, depth - 1);
    }
    if (entries)
        closedir(entries);
    return holds;
}

static bool children_are_known(const Suite *suite)
{
    siginfo_t info = {0};
    /* A keeper lives on; nobody else is our child. */
    bool has_keeper = suite->mode != BOX_MODE_COLD;
    int r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    return has_keeper ? r == 0 && info.si_pid == 0 : r < 0 && errno == ECHILD;
}

static const char *find_trace_now(const Suite *suite)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "box-%d-", (int)getpid());
    uid_t uid = box_uid(suite->client);
    if (count_processes(uid, uid != geteuid()) > 0)
        return "a process is left";
    /* A keeper has a group ready for the next box. */
    if (suite->mode == BOX_MODE_COLD && holds_group_of("/sys/fs/cgroup", prefix, 6))
        return "a control group is left";
    if (count_lines("/proc/self/mountinfo") != suite->n_mount_lines)
        return "the mounts changed";
    return NULL;
}

static const char *find_trace(const Suite *suite)
{
    if (!children_are_known(suite))
        return "a child of ours is left";
    if (accept4(suite->tcp_fd, NULL, NULL, SOCK_CLOEXEC) >= 0 || accept4(suite->unix_fd, NULL, NULL, SOCK_CLOEXEC) >= 0)
        return "somebody connected to the host";
    /* A monitor that was forked by the keeper is on its way out when its client hears the end. */
    const char *trace = find_trace_now(suite);
    for (int tries = 0; trace && suite->mode != BOX_MODE_COLD && tries < 500; tries++) {
        usleep(1000);
        trace = find_trace_now(suite);
    }
    return trace;
}

/* ---- one case
 * ---------------------------------------------------------------------------------------------------------- */

static int run_case(Suite *suite, const Case *attack, BoxResult *result)
{
    bool is_linked = strcmp(attack->name, "report_linked_folder") == 0;
    char program[500];
    snprintf(program, sizeof program, "%s/attack-cases", suite->programs);
    const BoxBind bind = {program, "/attack", false};
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = (const char *const[]){"/attack", attack->name, NULL};
    spec.env = (const char *const[]){"PATH=/usr/bin:/bin", "HOME=/work",      suite->port_env,
                                     suite->secret_env,    suite->socket_env, NULL};
    spec.binds = &bind;
    spec.n_binds = 1;
    spec.report_paths = (const char *const[]){is_linked ? "sub/report" : "report", NULL};
    spec.report_bytes = 1 << 20;
    spec.accept_missing = ~0U;
    spec.calls = attack->calls;
    spec.inner_root = suite->inner_root;
    spec.scratch = suite->inner_root ? (const char *const[]){"autograder", "scratch", NULL} : NULL;
    /* What is to end for memory must come so far: on a slow machine pages take longer than another limit lasts. */
    bool for_memory = suite->has_groups && attack->with_groups == MEMORY;
    spec.limits = (BoxLimits){.wall_ms = (attack->wall_ms && !for_memory ? attack->wall_ms : 20000) * suite->patience,
                              .cpu_ms = (for_memory ? 10000 : 1000) * suite->patience,
                              .memory_bytes = 64 << 20,
                              .processes = 16,
                              .output_bytes = 64 << 10,
                              .disk_bytes = 16 << 20,
                              .files = 1000,
                              .file_bytes = 8 << 20,
                              .open_files = 64,
                              .stack_bytes = 1 << 20};
    int r = box_run(suite->client, &spec, -1, result);
    box_client_settle(suite->client);
    return r;
}

/* What the host's kernel does to a 32-bit call of ours: 0 where it has them. */
static int signal_of_int80(void)
{
    int status = 0;
#ifdef __x86_64__
    pid_t pid = fork();
    if (pid == 0) {
        long number = 20; /* getpid */
        __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
#endif
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static bool is_as_expected(Expect expect, const BoxStatus *status)
{
    static const BoxLimit limits[] = {
        [WALL] = BOX_LIMIT_WALL,           [CPU] = BOX_LIMIT_CPU,       [MEMORY] = BOX_LIMIT_MEMORY,
        [PROCESSES] = BOX_LIMIT_PROCESSES, [OUTPUT] = BOX_LIMIT_OUTPUT, [DISK] = BOX_LIMIT_DISK,
        [FILE_SIZE] = BOX_LIMIT_FILE};
    switch (expect) {
    case HELD:
        return status->end == BOX_END_EXITED && status->exit_code == 0;
    case CONTAINED:
        return status->end != BOX_END_REFUSED && status->exit_code != STATUS_ESCAPED;
    case SEGMENT:
        return status->end == BOX_END_SIGNALED && status->signal == 11;
    case BAD_CALL:
        return status->end == BOX_END_SIGNALED && (status->signal == SIGSYS || status->signal == signal_of_int80());
    default:
        return status->end == BOX_END_LIMIT && status->limit == limits[expect];
    }
}

static void check_case(Suite *suite, const Case *attack)
{
    BoxResult result = {0};
    suite->n_run++;
    int r = run_case(suite, attack, &result);
    if (r < 0) {
        printf("not ok %d %s: box_run: %s\n", suite->n_run, attack->name, strerror(-r));
        suite->n_failed++;
        return;
    }
    const char *trace = find_trace(suite);
    bool is_right = is_as_expected(suite->has_groups ? attack->with_groups : attack->without_groups, &result.status);
    bool is_reported = attack->report == ANY_REPORT || result.reports[0].state == (BoxReportState)attack->report;
    /* A raced report is ours to read or to refuse, but never the host's file. */
    if (result.reports[0].state == BOX_REPORT_OK && strcmp(result.reports[0].bytes.data, "ok") != 0 &&
        result.reports[0].bytes.length > 0)
        is_reported = false;
    bool is_good = is_right && is_reported && !trace;
    printf("%sok %d %s\n", is_good ? "" : "not ", suite->n_run, attack->name);
    if (!is_good) {
        char json[2000];
        box_status_json(&result.status, json, sizeof json);
        printf("# %s\n# stderr: %s\n# report state %d; %s\n", json, result.err.data, (int)result.reports[0].state,
               trace ? trace : "no trace");
        suite->n_failed++;
    }
    fflush(stdout);
    box_result_clear(&result);
}

/* ---- all of them
 * ------------------------------------------------------------------------------------------------------- */

/* A mount tree of our own that a mount in a box could spread to, and that nobody else on the machine changes. */
static void own_mounts(void)
{
    if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0) {
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
    }
}

static bool become(uid_t uid)
{
    if (geteuid() != 0)
        return false;
    bool is_done = setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0;
    prctl(PR_SET_DUMPABLE, 1);
    return is_done;
}

/* Whether boxes here have control groups. */
static bool probe_groups(BoxClient *client, char *ret_message, size_t size)
{
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = (const char *const[]){"/bin/true", NULL};
    spec.accept_missing = ~0U;
    BoxResult result = {0};
    int r = box_run(client, &spec, -1, &result);
    snprintf(ret_message, size, "%s", r < 0 ? strerror(-r) : result.status.message);
    bool has = !(result.status.missing & (BOX_PROMISE_CGROUP_MEMORY | BOX_PROMISE_CGROUP_PROCESSES));
    box_result_clear(&result);
    return has;
}

static const char *find_option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    }
    return NULL;
}

/* When the client is freed, its keeper and all that this had ready are gone, too. */
static const char *find_rest(void)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "box-%d-", (int)getpid());
    if (holds_group_of("/sys/fs/cgroup", prefix, 6))
        return "a control group is left";
    if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
        return "a child is left";
    return NULL;
}

static void check_all(Suite *suite)
{
    printf("# %s, uid %d, %s control groups%s\n", box_mode_name(suite->mode), (int)geteuid(),
           suite->has_groups ? "with" : "without", suite->inner_root ? ", root inside" : "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!suite->inner_root || !is_about_the_student(cases[i].name))
            check_case(suite, &cases[i]);
    }
    for (size_t i = 0; suite->inner_root && i < sizeof root_cases / sizeof *root_cases; i++)
        check_case(suite, &root_cases[i]);
    printf("1..%d\n# %d of %d failed\n", suite->n_run, suite->n_failed, suite->n_run);
}

int main(int argc, char **argv)
{
    Suite suite = {.mode = BOX_MODE_COLD};
    const char *bin = getenv("RUBRIC_BIN");
    char program[500], message[600], self[400];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(suite.programs, sizeof suite.programs, "%s", self);
    snprintf(program, sizeof program, "%s/rubric-box", bin ? bin : "../bin");
    own_mounts();
    const char *as = find_option(argc, argv, "--as"), *mode = find_option(argc, argv, "--mode");
    const char *patience = find_option(argc, argv, "--patience");
    suite.patience = patience ? atoi(patience) : 1;
    suite.inner_root = find_option(argc, argv, "--inner-root") != NULL;
    while (mode && suite.mode < BOX_MODE_WARM && strcmp(mode, box_mode_name(suite.mode)) != 0)
        suite.mode++;
    if (as && !become((uid_t)atoi(as))) {
        puts("1..0 # skipped: only root can become another user");
        return EXIT_SKIPPED;
    }
    int r = box_client_new(program, NULL, &suite.client);
    if (r < 0) {
        printf("1..0 # skipped: %s: %s\n", program, strerror(-r));
        return access(program, F_OK) == 0 ? EXIT_SKIPPED : EXIT_FAILURE;
    }
    box_client_set_mode(suite.client, suite.mode);
    suite.has_groups = probe_groups(suite.client, message, sizeof message);
    if (message[0]) {
        printf("1..0 # skipped: no box can be made here: %s\n", message);
        return EXIT_SKIPPED;
    }
    make_doors(&suite);
    suite.n_mount_lines = count_lines("/proc/self/mountinfo");
    check_all(&suite);
    unlink(suite.secret);
    box_client_free(suite.client);
    const char *rest = find_rest();
    if (rest) {
        printf("not ok: after the last box: %s\n", rest);
        suite.n_failed++;
    }
    return suite.n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

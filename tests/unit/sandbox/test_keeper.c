/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes that a keeper makes: one after another, after its death, after a mount, and what is left of them. */
#include "tests/unit/refuse_call.h"
#include "tests/unit/sandbox/box_testing.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const BoxMode modes[] = {BOX_MODE_AUTO, BOX_MODE_SLOT, BOX_MODE_WARM};

static BoxClient *client_in(BoxMode mode)
{
    BoxClient *client = testing_client();
    box_client_set_mode(client, mode);
    return client;
}

static pid_t find_child(pid_t parent)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", (int)parent, (int)parent);
    g_autofree char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? (pid_t)atoi(text) : 0;
}

/* The only child of this process, which is the keeper when no box runs; 0: none. */
static pid_t find_keeper(void)
{
    return find_child(getpid());
}

static void assert_says(BoxClient *client, const char *script, const char *expected)
{
    BoxResult result = testing_shell(client, testing_spec(NULL), script);
    box_client_settle(client);
    ck_assert_str_eq(result.out.data, expected);
    box_result_clear(&result);
}

START_TEST(each_box_finds_nothing_of_the_one_before)
{
    BoxClient *client = client_in(modes[_i]);
    for (int round = 0; round < 20; round++)
        assert_says(client,
                    "find /work /tmp /dev/shm -mindepth 1 | wc -l; echo x > /work/x; echo x > /tmp/x; "
                    "echo x > /dev/shm/x; sleep 100 & :",
                    "0\n");
    box_client_free(client);
    ck_assert_int_eq(find_keeper(), 0);
}
END_TEST

START_TEST(limits_and_networks_change_from_box_to_box)
{
    BoxClient *client = client_in(modes[_i]);
    for (int round = 0; round < 6; round++) {
        BoxSpec spec = testing_spec(NULL);
        spec.network = round % 2 ? BOX_NETWORK_LOOPBACK : BOX_NETWORK_NONE;
        spec.limits.disk_bytes = (round + 1) << 20;
        spec.profile = round % 3 ? BOX_PROFILE_BUILD : BOX_PROFILE_STRICT;
        BoxResult result = testing_shell(
            client, spec, "grep -c 127.0.0.1 /proc/net/fib_trie; df -k /tmp | awk 'NR==2 {print $2 / 1024}'");
        g_autofree char *expected = g_strdup_printf("%s\n%d\n", round % 2 ? "2" : "0", round + 1);
        if (strstr(result.err.data, "fib_trie") == NULL)
            ck_assert_str_eq(result.out.data, expected);
        box_result_clear(&result);
    }
    box_client_free(client);
}
END_TEST

/* What the program's process is made for ahead must be what this request asks for, not the one before. */
START_TEST(walls_change_from_box_to_box)
{
    BoxClient *client = client_in(modes[_i]);
    for (int round = 0; round < 12; round++) {
        BoxSpec spec = testing_spec(NULL);
        bool may_share = round % 2, is_fixed = round % 3 == 0;
        spec.calls = may_share ? BOX_CALLS_SYSV_IPC : 0;
        spec.fixed_addresses = is_fixed;
        BoxResult result = testing_shell(client, spec,
                                         "ipcmk -M 1 >/dev/null 2>&1 && echo shares || echo shares not; "
                                         "cat /proc/self/personality; echo $$");
        g_autofree char *expected =
            g_strdup_printf("%s\n%s\n2\n", may_share ? "shares" : "shares not", is_fixed ? "00040000" : "00000000");
        ck_assert_str_eq(result.out.data, expected);
        box_result_clear(&result);
    }
    box_client_free(client);
}
END_TEST

START_TEST(memory_limits_rise_and_fall_from_box_to_box)
{
    BoxClient *client = client_in(modes[_i]);
    const int megabytes[] = {12, 128, 8, 256, 256, 12};
    for (size_t i = 0; i < G_N_ELEMENTS(megabytes); i++) {
        BoxSpec spec = testing_spec(NULL);
        spec.limits.memory_bytes = (int64_t)megabytes[i] << 20;
        BoxResult result = testing_shell(client, spec, "head -c 24M /dev/zero | tail | wc -c");
        ck_assert_msg((strcmp(result.out.data, "25165824\n") == 0) == (megabytes[i] > 24), "%d MB: %s", megabytes[i],
                      result.out.data);
        box_result_clear(&result);
    }
    box_client_free(client);
}
END_TEST

START_TEST(a_killed_keeper_is_replaced)
{
    BoxClient *client = client_in(modes[_i]);
    for (int round = 0; round < 8; round++) {
        assert_says(client, "echo here", "here\n");
        pid_t keeper = find_keeper();
        if (keeper > 0)
            kill(keeper, SIGKILL);
    }
    box_client_free(client);
    ck_assert_int_eq(find_keeper(), 0);
}
END_TEST

/* Whatever was kept where on the way to it. */
START_TEST(the_command_has_the_clients_processors)
{
    cpu_set_t own;
    ck_assert_int_eq(sched_getaffinity(0, sizeof own, &own), 0);
    g_autofree char *expected = g_strdup_printf("%d\n", CPU_COUNT(&own));
    for (int narrowed = 0; narrowed < 2; narrowed++) {
        BoxClient *client = client_in(_i < (int)G_N_ELEMENTS(modes) ? modes[_i] : BOX_MODE_COLD);
        for (int round = 0; round < 4; round++)
            assert_says(client, "nproc", narrowed ? "1\n" : expected);
        box_client_free(client);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((unsigned)sched_getcpu(), &one);
        ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    }
}
END_TEST

/* As rubricd's unit may set it. */
START_TEST(the_command_has_the_clients_policy)
{
    for (int policy = SCHED_OTHER; policy <= SCHED_BATCH; policy += SCHED_BATCH - SCHED_OTHER) {
        ck_assert_int_eq(sched_setscheduler(0, policy, &(struct sched_param){0}), 0);
        g_autofree char *expected = g_strdup_printf("%d\n", policy);
        BoxClient *client = client_in(_i < (int)G_N_ELEMENTS(modes) ? modes[_i] : BOX_MODE_COLD);
        for (int round = 0; round < 3; round++)
            assert_says(client, "cut -d' ' -f41 /proc/self/stat", expected);
        box_client_free(client);
    }
}
END_TEST

static void assert_boxes_are_made(BoxMode mode)
{
    BoxClient *client = client_in(mode);
    for (int round = 0; round < 3; round++)
        assert_says(client, "echo here", "here\n");
    box_client_free(client);
}

/* As a unit's SystemCallFilter= may forbid it. */
START_TEST(boxes_are_made_where_nobody_may_be_kept_on_a_processor)
{
    refuse_call(SYS_sched_setaffinity, EPERM);
    refuse_call(SYS_sched_setscheduler, EPERM);
    assert_boxes_are_made(modes[_i]);
}
END_TEST

/* As a container's manager does, which answers some calls itself: then nobody else may listen to a filter. */
START_TEST(boxes_are_made_where_somebody_listens_to_a_filter)
{
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct sock_fprog program = {1, code};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_ge(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program), 0);
    assert_boxes_are_made(modes[_i]);
}
END_TEST

/* The client has not heard of that box: it has one running or none, and the next is built ahead. */
START_TEST(a_lane_that_is_killed_before_its_box_is_taken_leaves_no_group)
{
    gint64 since_us = g_get_real_time();
    BoxClient *client = client_in(BOX_MODE_WARM);
    assert_says(client, "sleep 0.1; echo here", "here\n");
    pid_t lane = find_child(find_keeper());
    while (lane > 0) {
        kill(lane, SIGKILL);
        g_usleep(1000);
        lane = find_child(find_keeper());
    }
    box_client_free(client);
    g_autofree char *left = testing_find_group("/sys/fs/cgroup", getpid(), since_us, 8);
    ck_assert_msg(!left, "%s is left", left);
}
END_TEST

/* In slot mode no init waits between boxes: the first child of the keeper is its first lane, whose only one is the
 * slot's process. */
START_TEST(a_lane_serves_many_boxes_and_replaces_a_killed_slot)
{
    BoxClient *client = client_in(BOX_MODE_SLOT);
    assert_says(client, "echo here", "here\n");
    pid_t lane = find_child(find_keeper()), slot = find_child(lane);
    ck_assert_int_gt(slot, 0);
    for (int round = 0; round < 5; round++)
        assert_says(client, "echo here", "here\n");
    ck_assert_int_eq(find_child(find_keeper()), lane);
    ck_assert_int_eq(find_child(lane), slot);
    kill(slot, SIGKILL);
    /* A lane that has not yet said that it is free again leaves the next box to another. */
    for (int round = 0; round < 50 && find_child(lane) == slot; round++)
        assert_says(client, "echo here", "here\n");
    ck_assert_int_eq(find_child(find_keeper()), lane);
    ck_assert_int_ne(find_child(lane), slot);
    box_client_free(client);
}
END_TEST

START_TEST(what_is_shown_may_lie_in_a_closed_folder)
{
    if (geteuid() != 0) {
        puts("skipped: only root shows what boxes could not reach themselves");
        return;
    }
    BoxClient *client = client_in(modes[_i]);
    g_autofree char *closed = testing_workspace(client);
    g_autofree char *open = g_build_filename(closed, "open", NULL);
    ck_assert_int_eq(g_mkdir_with_parents(open, 0755), 0);
    testing_put(client, open, "file", "shown\n");
    ck_assert_int_eq(chown(closed, 0, 0), 0);
    ck_assert_int_eq(chmod(closed, 0700), 0);
    const BoxBind bind = {open, "/checks", false};
    BoxSpec spec = testing_spec(NULL);
    spec.workspace = open;
    spec.binds = &bind;
    spec.n_binds = 1;
    for (int round = 0; round < 3; round++) {
        BoxResult result = testing_shell(client, spec, "cat file /checks/file");
        ck_assert_str_eq(result.out.data, "shown\nshown\n");
        box_result_clear(&result);
    }
    box_client_free(client);
    file_remove_tree(closed, NULL);
}
END_TEST

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    close(fd);
    return n > 0;
}

/* In namespaces of an ordinary user, whose keeper has no right to mount: a tmpfs comes when a box is ready already. */
static int run_before_and_after_a_mount(BoxMode mode)
{
    g_autofree char *map = g_strdup_printf("%u %u 1", geteuid(), geteuid());
    g_autofree char *group_map = g_strdup_printf("%u %u 1", getegid(), getegid());
    if (unshare(CLONE_NEWNS | CLONE_NEWUSER) < 0 || !write_text("/proc/self/setgroups", "deny") ||
        !write_text("/proc/self/uid_map", map) || !write_text("/proc/self/gid_map", group_map) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 1;
    BoxClient *client = client_in(mode);
    BoxSpec spec = testing_spec(NULL);
    spec.workspace = "/mnt";
    for (int round = 0; round < 4; round++) {
        g_autofree char *text = g_strdup_printf("round %d\n", round);
        if (mount("none", "/mnt", "tmpfs", 0, "size=1m,mode=0755") < 0 ||
            !g_file_set_contents("/mnt/file", text, -1, NULL) || chmod("/mnt/file", 0644) < 0)
            return 2;
        BoxResult result = testing_shell(client, spec, "cat file");
        bool is_right = strcmp(result.out.data, text) == 0;
        box_result_clear(&result);
        if (!is_right)
            return 3;
    }
    box_client_free(client);
    return 0;
}

START_TEST(a_mount_that_comes_after_a_box_was_made_is_seen)
{
    const int nobody = 60234;
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setresgid(nobody, nobody, nobody) < 0 || setresuid(nobody, nobody, nobody) < 0))
            _exit(4);
        prctl(PR_SET_DUMPABLE, 1); /* else /proc/self is root's */
        _exit(run_before_and_after_a_mount(modes[_i]));
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

static int count_entries(const char *path)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    int n = 0;
    while (folder && g_dir_read_name(folder))
        n++;
    return n;
}

START_TEST(nothing_grows_over_many_boxes)
{
    BoxClient *client = client_in(modes[_i]);
    int fds[2] = {0}, keeper_fds[2] = {0};
    for (int round = 0; round < 60; round++) {
        assert_says(client, "echo here", "here\n");
        if (round != 10 && round != 59)
            continue;
        g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)find_keeper());
        fds[round == 59] = count_entries("/proc/self/fd");
        keeper_fds[round == 59] = count_entries(path);
    }
    ck_assert_int_eq(fds[0], fds[1]);
    /* Slots come back as their boxes end: one may be late. */
    const int one_slot = 5;
    ck_assert_int_le(keeper_fds[1], keeper_fds[0] + 2 * one_slot);
    box_client_free(client);
}
END_TEST

int main(void)
{
    if (!testing_can_box())
        return 0;
    const int n = G_N_ELEMENTS(modes);
    TCase *tests = tcase_create("keeper");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_box_finds_nothing_of_the_one_before, 0, n);
    tcase_add_loop_test(tests, limits_and_networks_change_from_box_to_box, 0, n);
    tcase_add_loop_test(tests, walls_change_from_box_to_box, 0, n);
    tcase_add_loop_test(tests, memory_limits_rise_and_fall_from_box_to_box, 0, n);
    tcase_add_loop_test(tests, a_killed_keeper_is_replaced, 0, n);
    tcase_add_loop_test(tests, the_command_has_the_clients_processors, 0, n + 1);
    tcase_add_loop_test(tests, the_command_has_the_clients_policy, 0, n + 1);
    tcase_add_loop_test(tests, boxes_are_made_where_nobody_may_be_kept_on_a_processor, 0, n);
    tcase_add_loop_test(tests, boxes_are_made_where_somebody_listens_to_a_filter, 0, n);
    tcase_add_test(tests, a_lane_that_is_killed_before_its_box_is_taken_leaves_no_group);
    tcase_add_test(tests, a_lane_serves_many_boxes_and_replaces_a_killed_slot);
    tcase_add_loop_test(tests, what_is_shown_may_lie_in_a_closed_folder, 0, n);
    tcase_add_loop_test(tests, a_mount_that_comes_after_a_box_was_made_is_seen, 0, n);
    tcase_add_loop_test(tests, nothing_grows_over_many_boxes, 0, n);
    Suite *suite = suite_create("sandbox/keeper");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}

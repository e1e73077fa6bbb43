/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/protocol.h"
#include "tests/unit/sandbox/box_testing.h"

#include <fcntl.h>
#include <sys/socket.h>

static const char *const argv[] = {"python3", "-c", "print(1)", NULL};
static const char *const env[] = {"A=b", "EMPTY=", NULL};
static const char *const reports[] = {"report.xml", "/tmp/other", NULL};
static const char *const scratch[] = {"autograder", "root", NULL};
static const BoxBind binds[] = {{"/usr/share", "/data", false}, {"/tmp", "/out", true}};

static BoxRequest full_request(void)
{
    BoxRequest request = {
        .spec = BOX_SPEC_INIT, .uid = 1234, .is_own_uid = true, .has_stdin = true, .has_network = true};
    request.spec.argv = argv;
    request.spec.env = env;
    request.spec.folder = "/work/src";
    request.spec.workspace = "/srv/one";
    request.spec.root = "/srv/image";
    request.spec.workspace_mode = BOX_WORKSPACE_KEEP;
    request.spec.binds = binds;
    request.spec.n_binds = G_N_ELEMENTS(binds);
    request.spec.report_paths = reports;
    request.spec.report_bytes = 77;
    request.spec.inner_root = true;
    request.spec.scratch = scratch;
    request.spec.network = BOX_NETWORK_LOOPBACK;
    request.spec.profile = BOX_PROFILE_SERVICE;
    request.spec.calls = BOX_CALLS_DEBUG;
    request.spec.fixed_addresses = true;
    request.spec.accept_missing = 5;
    request.spec.limits = box_limits_default();
    request.cgroups.version[CGROUP_MEMORY] = 1;
    g_strlcpy(request.cgroups.folder[CGROUP_MEMORY], "/sys/fs/cgroup/memory/x", 100);
    g_strlcpy(request.cgroup_name, "box-1-2", sizeof request.cgroup_name);
    return request;
}

static BoxWriter encode(const BoxRequest *request)
{
    BoxWriter writer = {0};
    ck_assert_int_eq(box_request_encode(request, &writer), 0);
    return writer;
}

START_TEST(a_request_comes_out_as_it_went_in)
{
    BoxRequest request = full_request(), got;
    BoxWriter writer = encode(&request);
    ck_assert_int_eq(box_request_decode(writer.data, writer.length, &got), 0);
    ck_assert_str_eq(got.spec.argv[2], "print(1)");
    ck_assert_ptr_null(got.spec.argv[3]);
    ck_assert_str_eq(got.spec.env[1], "EMPTY=");
    ck_assert_str_eq(got.spec.folder, "/work/src");
    ck_assert_str_eq(got.spec.workspace, "/srv/one");
    ck_assert_str_eq(got.spec.root, "/srv/image");
    ck_assert_int_eq(got.spec.workspace_mode, BOX_WORKSPACE_KEEP);
    ck_assert_uint_eq(got.spec.n_binds, 2);
    ck_assert(got.spec.binds[1].writable && !got.spec.binds[0].writable);
    ck_assert_str_eq(got.spec.report_paths[1], "/tmp/other");
    ck_assert_int_eq(got.spec.report_bytes, 77);
    ck_assert(got.spec.inner_root);
    ck_assert_str_eq(got.spec.scratch[1], "root");
    ck_assert_ptr_null(got.spec.scratch[2]);
    ck_assert_int_eq(got.spec.profile, BOX_PROFILE_SERVICE);
    ck_assert_uint_eq(got.spec.calls, BOX_CALLS_DEBUG);
    ck_assert(got.spec.fixed_addresses && got.is_own_uid && got.has_stdin);
    ck_assert(got.has_network && !got.has_network_user);
    ck_assert_int_eq(memcmp(&got.spec.limits, &request.spec.limits, sizeof got.spec.limits), 0);
    ck_assert_str_eq(got.cgroups.folder[CGROUP_MEMORY], "/sys/fs/cgroup/memory/x");
    ck_assert_int_eq(got.cgroups.version[CGROUP_PIDS], 0);
    ck_assert_str_eq(got.cgroup_name, "box-1-2");
    box_request_clear(&got);
}
END_TEST

START_TEST(a_scratch_folder_has_a_name_of_its_own)
{
    static const char *const bad[] = {"", "a/b", "..", "proc", "usr", "work", "lib64", "Root", "a.b"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        BoxRequest request = full_request(), got;
        request.spec.scratch = (const char *const[]){bad[i], NULL};
        BoxWriter writer = encode(&request);
        ck_assert_int_eq(box_request_decode(writer.data, writer.length, &got), -EBADMSG);
        ck_assert(!box_scratch_name_is_good(bad[i]));
    }
    ck_assert(box_scratch_name_is_good("autograder"));
}
END_TEST

START_TEST(no_environment_means_the_default_one)
{
    BoxRequest request = full_request(), got;
    request.spec.env = NULL;
    BoxWriter writer = encode(&request);
    ck_assert_int_eq(box_request_decode(writer.data, writer.length, &got), 0);
    ck_assert_ptr_null(got.spec.env);
    box_request_clear(&got);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    BoxRequest request = full_request(), got;
    BoxWriter writer = encode(&request);
    for (size_t length = 0; length < writer.length; length++) {
        char *copy = g_memdup2(writer.data, length + 1);
        ck_assert_int_eq(box_request_decode(copy, length, &got), -EBADMSG);
    }
    char *longer = g_malloc0(writer.length + 1);
    memcpy(longer, writer.data, writer.length);
    ck_assert_int_eq(box_request_decode(longer, writer.length + 1, &got), -EBADMSG);
    box_writer_clear(&writer);
}
END_TEST

static int decode_changed(void (*change)(BoxRequest *request))
{
    BoxRequest request = full_request(), got;
    change(&request);
    BoxWriter writer = encode(&request);
    int r = box_request_decode(writer.data, writer.length, &got);
    if (r == 0)
        box_request_clear(&got);
    return r;
}

static void make_limit_zero(BoxRequest *request)
{
    request->spec.limits.files = 0;
}

static void make_limit_negative(BoxRequest *request)
{
    request->spec.limits.wall_ms = -1;
}

static void make_folder_relative(BoxRequest *request)
{
    request->spec.folder = "src";
}

static void make_root_relative(BoxRequest *request)
{
    request->spec.root = "image";
}

static void make_bind_relative(BoxRequest *request)
{
    static const BoxBind bad = {"share", "/data", false};
    request->spec.binds = &bad;
    request->spec.n_binds = 1;
}

static void make_group_a_path(BoxRequest *request)
{
    g_strlcpy(request->cgroup_name, "../x", sizeof request->cgroup_name);
}

static void make_group_hidden(BoxRequest *request)
{
    g_strlcpy(request->cgroup_name, "..", sizeof request->cgroup_name);
}

static void make_command_empty(BoxRequest *request)
{
    static const char *const none[] = {NULL};
    request->spec.argv = none;
}

static void make_uid_nobody(BoxRequest *request)
{
    request->uid = (uid_t)-1;
}

static void make_network_unknown(BoxRequest *request)
{
    request->spec.network = (BoxNetwork)9;
}

static void make_calls_unknown(BoxRequest *request)
{
    request->spec.calls = BOX_CALLS_ALL + 1;
}

static void (*const changes[])(BoxRequest *request) = {
    make_limit_zero,    make_limit_negative,  make_folder_relative, make_bind_relative,
    make_root_relative, make_group_a_path,    make_group_hidden,    make_command_empty,
    make_uid_nobody,    make_network_unknown, make_calls_unknown,
};

START_TEST(a_request_that_makes_no_sense_is_refused)
{
    ck_assert_int_eq(decode_changed(changes[_i]), -EBADMSG);
}
END_TEST

START_TEST(too_many_of_anything_is_not_encoded)
{
    BoxRequest request = full_request();
    request.spec.n_binds = BOX_MAX_BINDS + 1;
    BoxWriter writer = {0};
    ck_assert_int_eq(box_request_encode(&request, &writer), -EINVAL);
    box_writer_clear(&writer);
    request = full_request();
    g_autofree char *huge = g_strnfill(BOX_FRAME_MAX, 'x');
    const char *const huge_argv[] = {huge, NULL};
    request.spec.argv = huge_argv;
    ck_assert_int_eq(box_request_encode(&request, &writer), -E2BIG);
    box_writer_clear(&writer);
}
END_TEST

START_TEST(a_status_comes_out_as_it_went_in_or_not_at_all)
{
    BoxStatus status = {.end = BOX_END_LIMIT,
                        .limit = BOX_LIMIT_CPU,
                        .signal = 9,
                        .oom_killed = true,
                        .hit_disk = true,
                        .wall_us = 12,
                        .user_us = 3,
                        .throttled_us = 5,
                        .peak_processes = 4,
                        .missing = 2,
                        .message = "why"};
    BoxStatus got;
    BoxWriter writer = {0};
    box_status_encode(&status, &writer);
    ck_assert_int_eq(box_status_decode(writer.data, writer.length, &got), 0);
    ck_assert(got.oom_killed && got.hit_disk && !got.hit_processes);
    ck_assert_int_eq(got.peak_processes, 4);
    ck_assert_int_eq(got.throttled_us, 5);
    ck_assert_str_eq(got.message, "why");
    for (size_t length = 0; length < writer.length; length++)
        ck_assert_int_eq(box_status_decode(writer.data, length, &got), -EBADMSG);
    box_writer_clear(&writer);
    status.wall_us = -1;
    box_status_encode(&status, &writer);
    ck_assert_int_eq(box_status_decode(writer.data, writer.length, &got), -EBADMSG);
    box_writer_clear(&writer);
}
END_TEST

START_TEST(frames_carry_files_and_nothing_is_leaked)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(box_frame_send(pair[0], BOX_FRAME_REPORT, "body", 4, &file, 1), 0);
    BoxFrame frame;
    ck_assert_int_eq(box_frame_receive(pair[1], &frame), 0);
    ck_assert_int_eq(frame.type, BOX_FRAME_REPORT);
    ck_assert_str_eq(frame.body, "body");
    ck_assert_uint_eq(frame.n_fds, 1);
    int received = frame.fds[0];
    box_frame_clear(&frame);
    ck_assert_int_eq(fcntl(received, F_GETFD), -1);
    close(pair[0]);
    ck_assert_int_eq(box_frame_receive(pair[1], &frame), -EPIPE);
    close(pair[1]);
    close(file);
}
END_TEST

static int receive_header(BoxFrameHeader header, bool hang_up)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(write(pair[0], &header, sizeof header), sizeof header);
    if (hang_up)
        close(pair[0]);
    BoxFrame frame;
    int r = box_frame_receive(pair[1], &frame);
    if (!hang_up)
        close(pair[0]);
    close(pair[1]);
    return r;
}

START_TEST(a_header_that_is_not_ours_is_refused)
{
    const BoxFrameHeader good = {BOX_FRAME_MAGIC, BOX_FRAME_VERSION, BOX_FRAME_STOP, 0, 0};
    BoxFrameHeader bad = good;
    bad.magic++;
    ck_assert_int_eq(receive_header(bad, false), -EBADMSG);
    bad = good;
    bad.version++;
    ck_assert_int_eq(receive_header(bad, false), -EBADMSG);
    bad = good;
    bad.type = 0;
    ck_assert_int_eq(receive_header(bad, false), -EBADMSG);
    bad = good;
    bad.length = BOX_FRAME_MAX + 1;
    ck_assert_int_eq(receive_header(bad, false), -EBADMSG);
    bad = good;
    bad.n_fds = 1; /* said, but not sent */
    ck_assert_int_eq(receive_header(bad, true), -EBADMSG);
    bad = good;
    bad.length = 10;
    ck_assert_int_eq(receive_header(bad, true), -EPIPE);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("protocol");
    tcase_add_test(tests, a_request_comes_out_as_it_went_in);
    tcase_add_test(tests, a_scratch_folder_has_a_name_of_its_own);
    tcase_add_test(tests, no_environment_means_the_default_one);
    tcase_add_test(tests, every_truncation_is_refused);
    tcase_add_loop_test(tests, a_request_that_makes_no_sense_is_refused, 0, G_N_ELEMENTS(changes));
    tcase_add_test(tests, too_many_of_anything_is_not_encoded);
    tcase_add_test(tests, a_status_comes_out_as_it_went_in_or_not_at_all);
    tcase_add_test(tests, frames_carry_files_and_nothing_is_leaked);
    tcase_add_test(tests, a_header_that_is_not_ours_is_refused);
    Suite *suite = suite_create("sandbox/protocol");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/peers.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOT_INSTALLED = 127 };

/* The working directory holds a bundle for crun. It runs without control groups: with them it is slower. */
static const char *const bubblewrap[] = {"bwrap",
                                         "--unshare-all",
                                         "--die-with-parent",
                                         "--ro-bind",
                                         "/usr",
                                         "/usr",
                                         "--symlink",
                                         "usr/bin",
                                         "/bin",
                                         "--symlink",
                                         "usr/lib",
                                         "/lib",
                                         "--symlink",
                                         "usr/lib64",
                                         "/lib64",
                                         "--proc",
                                         "/proc",
                                         "--dev",
                                         "/dev",
                                         "--tmpfs",
                                         "/tmp",
                                         "/bin/true",
                                         NULL};
static const char *const firejail[] = {"firejail",  "--quiet",         "--noprofile", "--net=none", "--private",
                                       "--seccomp", "--caps.drop=all", "/bin/true",   NULL};
static const char *const crun[] = {"crun", "--root=state", "--cgroup-manager=disabled", "run", "bench-box", NULL};

static const struct {
    const char *name;
    const char *const *argv;
} peers[N_PEERS] = {{"bubblewrap", bubblewrap}, {"firejail", firejail}, {"crun", crun}};

static const char bundle[] =
    "{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"root\", \"readonly\": true}, \"hostname\": \"box\",\n"
    " \"process\": {\"terminal\": false, \"user\": {\"uid\": 0, \"gid\": 0}, \"args\": [\"/bin/true\"],\n"
    "  \"env\": [\"PATH=/usr/bin:/bin\"], \"cwd\": \"/\", \"noNewPrivileges\": true},\n"
    " \"mounts\": [{\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},\n"
    "  {\"destination\": \"/usr\", \"type\": \"bind\", \"source\": \"/usr\", \"options\": [\"rbind\", \"ro\"]},\n"
    "  {\"destination\": \"/tmp\", \"type\": \"tmpfs\", \"source\": \"tmpfs\"}],\n"
    " \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\"}, {\"type\": \"ipc\"}, {\"type\": "
    "\"uts\"},\n  {\"type\": \"mount\"}]}}\n";

bool peers_prepare(const char *folder)
{
    const mode_t mode = 0755;
    if (chdir(folder) < 0 || mkdir("root", mode) < 0 || mkdir("root/proc", mode) < 0 || mkdir("root/usr", mode) < 0 ||
        mkdir("root/tmp", mode) < 0 || mkdir("root/dev", mode) < 0 || symlink("usr/bin", "root/bin") < 0 ||
        symlink("usr/lib", "root/lib") < 0 || symlink("usr/lib64", "root/lib64") < 0)
        return false;
    FILE *file = fopen("config.json", "we");
    bool is_written = file && fputs(bundle, file) >= 0;
    return file && fclose(file) == 0 && is_written;
}

void peers_clean(const char *folder)
{
    const char *const made[] = {"root/proc", "root/usr",   "root/tmp",    "root/dev", "root/bin",
                                "root/lib",  "root/lib64", "config.json", "root",     "state"};
    if (chdir(folder) < 0)
        return;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        remove(made[i]);
    if (chdir("/") == 0)
        rmdir(folder);
}

const char *peer_name(int peer)
{
    return peers[peer].name;
}

static int run(int peer)
{
    posix_spawn_file_actions_t actions;
    const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", NULL};
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int r =
        posix_spawnp(&pid, peers[peer].argv[0], &actions, NULL, (char *const *)peers[peer].argv, (char *const *)env);
    posix_spawn_file_actions_destroy(&actions);
    if (r != 0)
        return NOT_INSTALLED;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *peer_find_obstacle(int peer)
{
    int status = run(peer);
    if (status == 0)
        return NULL;
    return status == NOT_INSTALLED ? "not installed" : "does not run on this machine";
}

int64_t peer_time(int peer)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int status = run(peer);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return status == 0 ? (int64_t)(end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000 : -1;
}

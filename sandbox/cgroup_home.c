/* SPDX-License-Identifier: Apache-2.0 */
/* Where groups may be made on this machine, and sweeping what dead clients left there. */
#include "sandbox/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LINE_SIZE = 4096, FOLDER_SIZE = sizeof((CgroupHome){0}.folder[0]) };

static const char default_name[] = "rubricd";
static const char *const controller_names[CGROUP_N_CONTROLLERS] = {"memory", "pids", "cpuacct", "cpu"};

/* Does the comma-separated `list` hold `word`? */
static bool list_holds(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL) {
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    }
    return false;
}

/* The caller's own group in the hierarchy of `controller` (NULL: version 2), as /proc/self/cgroup has it. */
static bool find_own_path(const char *controller, char *path, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return false;
    char line[LINE_SIZE];
    bool is_found = false;
    while (!is_found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *list = strchr(line, ':');
        char *own = list ? strchr(list + 1, ':') : NULL;
        if (!own)
            continue;
        *own++ = '\0';
        is_found = controller ? list_holds(list + 1, controller) : list[1] == '\0';
        if (is_found)
            is_found = (size_t)snprintf(path, size, "%s", own) < size;
    }
    fclose(file);
    return is_found;
}

typedef struct {
    char root[FOLDER_SIZE], point[FOLDER_SIZE];
} Mount;

/* The mount of the hierarchy of `controller` (NULL: version 2). */
static bool find_mount(const char *controller, Mount *ret_mount)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return false;
    char line[LINE_SIZE];
    bool is_found = false;
    while (!is_found && fgets(line, sizeof line, file)) {
        Mount mount;
        char type[32], options[512];
        const char *tail = strstr(line, " - ");
        if (!tail || sscanf(line, "%*s %*s %*s %511s %511s", mount.root, mount.point) != 2 ||
            sscanf(tail, " - %31s %*s %511s", type, options) != 2)
            continue;
        is_found =
            controller ? strcmp(type, "cgroup") == 0 && list_holds(options, controller) : strcmp(type, "cgroup2") == 0;
        if (is_found)
            *ret_mount = mount;
    }
    fclose(file);
    return is_found;
}

/* The folder of the caller's own group. Below a mount that shows only a part of the hierarchy, the part's top stands
 * in. */
static bool find_own_folder(const char *controller, char *folder, size_t size)
{
    Mount mount;
    char path[FOLDER_SIZE];
    if (!find_mount(controller, &mount) || !find_own_path(controller, path, sizeof path))
        return false;
    const char *below = path;
    size_t root_length = strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root);
    if (strncmp(path, mount.root, root_length) == 0)
        below = path + root_length;
    if (strcmp(below, "/") == 0 || strstr(below, "/.."))
        below = "";
    int n = snprintf(folder, size, "%s%s", mount.point, below);
    if (n < 0 || (size_t)n >= size)
        return false;
    if (access(folder, F_OK) == 0)
        return true;
    return (size_t)snprintf(folder, size, "%s", mount.point) < size;
}

static bool make_folder(const char *folder)
{
    const mode_t mode = 0755;
    if (mkdir(folder, mode) < 0 && errno != EEXIST)
        return false;
    return access(folder, W_OK | X_OK) == 0;
}

static int write_control(const char *folder, const char *control, const char *text)
{
    char path[FOLDER_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", folder, control);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int r = n < 0 ? -errno : 0;
    close(fd);
    return r;
}

static bool read_control(const char *folder, const char *control, char *text, size_t size)
{
    char path[FOLDER_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", folder, control);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

/* ---- version 2
 * ------------------------------------------------------------------------------------------------------- */

static bool gives_controllers(const char *folder)
{
    char text[512];
    return read_control(folder, "cgroup.subtree_control", text, sizeof text) && strstr(text, "memory") &&
           strstr(text, "pids");
}

/* Whatever the service manager leaves to others, this one is not always among it. */
static bool gives_share(const char *folder)
{
    char text[512], *rest = NULL;
    write_control(folder, "cgroup.subtree_control", "+cpu");
    if (!read_control(folder, "cgroup.subtree_control", text, sizeof text))
        return false;
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        if (strcmp(word, "cpu") == 0)
            return true;
    }
    return false;
}

/* Has the service manager given this group to us? */
static bool is_delegated(const char *folder)
{
    struct stat info;
    char value[8];
    return (stat(folder, &info) == 0 && info.st_uid != 0 && info.st_uid == geteuid()) ||
           getxattr(folder, "user.delegate", value, sizeof value) > 0 ||
           getxattr(folder, "trusted.delegate", value, sizeof value) > 0;
}

/* The leaf that the processes of a delegated group move to. */
static const char leaf_name[] = "host";

/* A group that gives controllers to others holds no processes itself: ours go to a leaf beside the boxes. */
static void move_processes_to_leaf(const char *folder)
{
    char leaf[FOLDER_SIZE + 16], *pids = malloc(1 << 16);
    snprintf(leaf, sizeof leaf, "%s/%s", folder, leaf_name);
    if (!pids || !make_folder(leaf) || !read_control(folder, "cgroup.procs", pids, 1 << 16)) {
        free(pids);
        return;
    }
    char *rest = NULL;
    for (char *pid = strtok_r(pids, "\n", &rest); pid; pid = strtok_r(NULL, "\n", &rest))
        write_control(leaf, "cgroup.procs", pid);
    free(pids);
}

static bool enable_controllers(const char *folder)
{
    const char controllers[] = "+memory +pids";
    if (gives_controllers(folder))
        return true;
    if (access(folder, W_OK) < 0)
        return false;
    int r = write_control(folder, "cgroup.subtree_control", controllers);
    /* A process that was not there when we read may have been forked since by one that was. */
    for (int tries = 0; tries < 16 && r == -EBUSY && is_delegated(folder); tries++) {
        move_processes_to_leaf(folder);
        r = write_control(folder, "cgroup.subtree_control", controllers);
    }
    return r == 0;
}

/* Are we in the leaf of a group that was made to give controllers? Then boxes belong beside it, not below. */
static bool is_leaf(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    char above[FOLDER_SIZE];
    if (!slash || strcmp(slash + 1, leaf_name) != 0)
        return false;
    snprintf(above, sizeof above, "%.*s", (int)(slash - folder), folder);
    return gives_controllers(above);
}

static bool find_home_v2(const char *name, char *home, size_t size, bool *ret_has_share)
{
    char folder[FOLDER_SIZE];
    Mount mount;
    if (!find_mount(NULL, &mount) || !find_own_folder(NULL, folder, sizeof folder))
        return false;
    /* The own group, the one above (we may be its leaf), the top (which may hold processes too). */
    char *slash = strrchr(folder, '/');
    const bool has_above = strlen(folder) > strlen(mount.point) && slash;
    for (int i = is_leaf(folder) ? 1 : 0; i < 3; i++) {
        if (i == 1 && has_above)
            *slash = '\0';
        if (i == 2)
            snprintf(folder, sizeof folder, "%s", mount.point);
        int n = snprintf(home, size, "%s/%s", folder, name);
        if (n > 0 && (size_t)n < size && enable_controllers(folder) && make_folder(home) && enable_controllers(home)) {
            *ret_has_share = gives_share(folder) && gives_share(home);
            return true;
        }
    }
    return false;
}

/* ---- both
 * ------------------------------------------------------------------------------------------------------------ */

static bool find_home_v1(CgroupController controller, const char *name, char *home, size_t size)
{
    char folder[FOLDER_SIZE];
    if (!find_own_folder(controller_names[controller], folder, sizeof folder))
        return false;
    int n = snprintf(home, size, "%s/%s", folder, name);
    return n > 0 && (size_t)n < size && make_folder(home);
}

int cgroup_home_wanted(CgroupController controller, const char *parent, char *folder, size_t size)
{
    const char *name = parent ? parent : default_name;
    char own[FOLDER_SIZE];
    int version = find_own_folder(controller_names[controller], own, sizeof own) ? 1 : 0;
    if (version == 0 && find_own_folder(NULL, own, sizeof own))
        version = 2;
    if (version)
        snprintf(folder, size, "%s/%s", own, name);
    return version;
}

void cgroup_home_find(const char *parent, CgroupHome *ret_home)
{
    const char *name = parent ? parent : default_name;
    CgroupHome home = {0};
    bool needs_v2 = false, has_share = false;
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        if (find_home_v1((CgroupController)i, name, home.folder[i], FOLDER_SIZE))
            home.version[i] = 1;
        else
            needs_v2 = true;
    }
    char folder[FOLDER_SIZE];
    if (needs_v2 && find_home_v2(name, folder, sizeof folder, &has_share)) {
        for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
            if (home.version[i] || (i == CGROUP_SHARE && !has_share))
                continue;
            home.version[i] = 2;
            strcpy(home.folder[i], folder);
        }
    }
    *ret_home = home;
}

bool cgroup_home_remake(const CgroupHome *home)
{
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        if (home->version[i] && !make_folder(home->folder[i]))
            return false;
        if (home->version[i] == 2 && !enable_controllers(home->folder[i]))
            return false;
        if (home->version[i] == 2 && i == CGROUP_SHARE && !gives_share(home->folder[i]))
            return false;
    }
    return true;
}

void cgroup_home_remove(const CgroupHome *home)
{
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        if (home->version[i])
            rmdir(home->folder[i]);
    }
}

static void sweep_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return;
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (strncmp(entry->d_name, "box-", 4) != 0)
            continue;
        int fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
        close(fd);
    }
    closedir(entries);
}

void cgroup_home_sweep(const CgroupHome *home)
{
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        if (home->version[i])
            sweep_folder(home->folder[i]);
    }
}

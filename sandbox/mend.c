/* SPDX-License-Identifier: Apache-2.0 */
/* What to type on this machine to mend what a box lacks: one command a line, `#` before what is said in words. */
#include "sandbox/mend.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, (int)size, file);
    if (file)
        fclose(file);
    line[is_read ? strcspn(line, "\n") : 0] = '\0';
    return is_read;
}

static bool setting_is(const char *path, const char *value)
{
    char line[64];
    return read_line(path, line, sizeof line) && strcmp(line, value) == 0;
}

/* ---- user namespaces ----------------------------------------------------------------------------------------------
 */

static void say_sysctl(const char *assignment, char *buffer, size_t size)
{
    snprintf(buffer, size, "echo %s > /etc/sysctl.d/60-rubricd.conf && sysctl --system", assignment);
}

/* A profile that allows our programs what Ubuntu takes from those without one. */
static void say_apparmor(const char *program, char *buffer, size_t size)
{
    const char *slash = strrchr(program, '/'), bin[] = "/bin";
    size_t n = slash ? (size_t)(slash - program) : 0;
    bool is_installed = n >= sizeof bin - 1 && strncmp(program + n - (sizeof bin - 1), bin, sizeof bin - 1) == 0;
    if (is_installed)
        n -= sizeof bin - 1;
    snprintf(buffer, size,
             "cat > /etc/apparmor.d/rubricd <<END\nabi <abi/4.0>,\nprofile rubricd %.*s%s/rubric{,d,-box,-worker} "
             "flags=(unconfined) {\n  userns,\n}\nEND\napparmor_parser -r /etc/apparmor.d/rubricd",
             (int)n, program, is_installed ? "/{bin,libexec/rubricd}" : "");
}

void mend_namespaces(const char *program, int error, char *buffer, size_t size)
{
    if (setting_is("/proc/sys/kernel/unprivileged_userns_clone", "0"))
        say_sysctl("kernel.unprivileged_userns_clone=1", buffer, size);
    else if (setting_is("/proc/sys/user/max_user_namespaces", "0") || error == ENOSPC)
        say_sysctl("user.max_user_namespaces=15000", buffer, size);
    else if (setting_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
        say_apparmor(program, buffer, size);
    else
        snprintf(
            buffer, size,
            "# no setting of this machine forbids them, so one of these does:\n"
            "# a chroot: make it the root of a mount namespace (pivot_root), or use RootDirectory= of a systemd unit\n"
            "# a container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined ...\n"
            "# a systemd unit: remove RestrictNamespaces= and SystemCallFilter= from it");
}

/* ---- control groups -----------------------------------------------------------------------------------------------
 */

static const char *own_name(void)
{
    const struct passwd *user = getpwuid(geteuid());
    return user ? user->pw_name : NULL;
}

void mend_group(CgroupController controller, const char *parent, char *buffer, size_t size)
{
    char folder[600];
    int version = cgroup_home_wanted(controller, parent, folder, sizeof folder);
    if (version == 1)
        snprintf(buffer, size, "mkdir -p %s && chown %u %s", folder, (unsigned)geteuid(), folder);
    else if (version == 2)
        snprintf(buffer, size,
                 "mkdir -p /etc/systemd/system/rubricd.service.d\n"
                 "printf '[Service]\\nDelegate=yes\\n' > /etc/systemd/system/rubricd.service.d/delegate.conf\n"
                 "systemctl daemon-reload && systemctl restart rubricd\n"
                 "# by hand: systemd-run --user --scope -p Delegate=yes rubric ...");
    else
        snprintf(buffer, size,
                 "mount -t cgroup2 cgroup2 /sys/fs/cgroup\n"
                 "# in a container: docker run --cgroupns=private -v /sys/fs/cgroup:/sys/fs/cgroup:rw");
}

/* ---- the rest -----------------------------------------------------------------------------------------------------
 */

void mend_landlock(char *buffer, size_t size)
{
    char modules[256];
    struct stat info;
    if (stat("/sys/kernel/security/lsm", &info) == 0 &&
        read_line("/sys/kernel/security/lsm", modules, sizeof modules) && !strstr(modules, "landlock"))
        snprintf(
            buffer, size,
            "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX lsm=landlock,%s\"' > /etc/default/grub.d/landlock.cfg\n"
            "update-grub && reboot",
            modules);
    else
        snprintf(buffer, size,
                 "# Linux 5.19 or later with CONFIG_SECURITY_LANDLOCK, and landlock in the boot parameter lsm=");
}

void mend_own_user(char *buffer, size_t size)
{
    if (geteuid() == 0) {
        snprintf(buffer, size,
                 "# one id only is mapped here: start as the machine's root, or with a range of ids "
                 "(unshare --user --map-root-user --map-auto)");
        return;
    }
    const char *name = own_name();
    char id[16];
    snprintf(id, sizeof id, "%u", (unsigned)geteuid());
    snprintf(buffer, size,
             "grep -q '^%s:' /etc/subuid || echo %s:1000000:65536 | tee -a /etc/subuid /etc/subgid\n"
             "apt-get install uidmap\n"
             "# then start as root of these ids: unshare --user --map-root-user --map-auto rubric ...; or as root",
             name ? name : id, name ? name : id);
}

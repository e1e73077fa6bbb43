/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/proc_sample.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool add_process(int proc_fd, const char *pid, ProcSample *sample)
{
    char path[300], text[1024];
    snprintf(path, sizeof path, "%s/stat", pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    /* The name in parentheses is the program's own and may hold anything. */
    const char *rest = strrchr(text, ')');
    unsigned long long ticks[4];
    long long threads;
    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %lld",
                        &ticks[0], &ticks[1], &ticks[2], &ticks[3], &threads) != 5)
        return false;
    const int64_t us_per_tick = 1000000 / sysconf(_SC_CLK_TCK);
    sample->cpu_us += (int64_t)(ticks[0] + ticks[1] + ticks[2] + ticks[3]) * us_per_tick;
    /* Init is ours. */
    sample->processes += strcmp(pid, "1") == 0 ? 0 : threads;
    return true;
}

bool proc_sample_read(int proc_fd, ProcSample *ret_sample)
{
    int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    ProcSample sample = {0};
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (isdigit((unsigned char)entry->d_name[0]))
            add_process(proc_fd, entry->d_name, &sample);
    }
    closedir(entries);
    *ret_sample = sample;
    return true;
}

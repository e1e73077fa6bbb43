/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

BoxLimits box_limits_default(void)
{
    const int64_t mib = 1 << 20;
    return (BoxLimits){
        .wall_ms = 60000,
        .cpu_ms = 30000,
        .memory_bytes = 512 * mib,
        .processes = 64,
        .output_bytes = mib,
        .disk_bytes = 256 * mib,
        .files = 100000,
        .file_bytes = 256 * mib,
        .open_files = 256,
        .stack_bytes = 64 * mib,
        .cpus_milli = BOX_CPUS_UNBOUND,
    };
}

const char *const *box_env_default(void)
{
    static const char *const env[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work", "LANG=C.UTF-8", "TZ=UTC", "TMPDIR=/tmp", NULL};
    return env;
}

static void fill(int64_t *value, int64_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

void box_limits_fill(BoxLimits *limits, const BoxLimits *defaults)
{
    fill(&limits->wall_ms, defaults->wall_ms);
    fill(&limits->cpu_ms, defaults->cpu_ms);
    fill(&limits->memory_bytes, defaults->memory_bytes);
    fill(&limits->processes, defaults->processes);
    fill(&limits->output_bytes, defaults->output_bytes);
    fill(&limits->disk_bytes, defaults->disk_bytes);
    fill(&limits->files, defaults->files);
    fill(&limits->file_bytes, defaults->file_bytes);
    fill(&limits->open_files, defaults->open_files);
    fill(&limits->stack_bytes, defaults->stack_bytes);
    fill(&limits->cpus_milli, defaults->cpus_milli);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a student tries first: shell scripts. Status 0: the box held; 99: it did not; BAD is `exit 99`. */
#include "attack.h"

#define BAD "exit 99"

const Attack shell_attacks[] = {
    /* ---- the host's files, and /proc */
    {"homes_are_hidden", NULL, "ls -A /root /home 2>/dev/null | grep -v : | grep . && " BAD "; exit 0"},
    {"sysfs_is_hidden", NULL, "test -e /sys/kernel && " BAD "; exit 0"},
    {"boot_and_opt_are_hidden", NULL, "ls -A /boot /opt /srv /mnt /media 2>/dev/null | grep . && " BAD "; exit 0"},
    {"run_is_empty", NULL, "ls -A /run /var/run | grep -v : | grep . && " BAD "; exit 0"},
    {"var_is_empty", NULL, "ls -A /var | grep -vx -e tmp -e run && " BAD "; exit 0"},
    {"host_names_are_hidden", NULL,
     "test \"$(hostname)\" = box || " BAD "; test -z \"$(cat /etc/resolv.conf 2>/dev/null)\" || " BAD},
    {"kcore_is_masked", NULL, "head -c 16 /proc/kcore 2>/dev/null | grep -q . && " BAD "; exit 0"},
    {"symbols_are_masked", NULL, "test -n \"$(head -c 64 /proc/kallsyms 2>/dev/null)\" && " BAD "; exit 0"},
    {"boot_parameters_are_masked", NULL, "test -n \"$(cat /proc/cmdline 2>/dev/null)\" && " BAD "; exit 0"},
    {"keys_are_masked", NULL, "test -n \"$(cat /proc/keys /proc/key-users 2>/dev/null)\" && " BAD "; exit 0"},
    {"interrupts_are_masked", NULL,
     "test -n \"$(cat /proc/interrupts /proc/timer_list 2>/dev/null)\" && " BAD "; exit 0"},
    {"buses_are_masked", NULL,
     "ls -A /proc/bus /proc/fs /proc/irq /proc/scsi /proc/driver 2>/dev/null | grep -v : | grep . && " BAD "; exit 0"},
    {"schedules_are_masked", NULL,
     "test -n \"$(cat /proc/sched_debug /proc/timer_stats /proc/latency_stats 2>/dev/null)\" && " BAD
     "; ls -A /proc/asound /proc/acpi 2>/dev/null | grep -v : | grep . && " BAD "; exit 0"},
    {"processes_are_the_box", NULL,
     "for p in /proc/[0-9]*; do test -r $p/status || continue; test \"$(sed -n 's/^NSpid:.*\\t//p' $p/status)\" = "
     "\"${p#/proc/}\" || " BAD "; done; test \"$(ls -d /proc/[0-9]* | wc -l)\" -le 8 || " BAD},
    {"covers_stay", NULL,
     "umount /proc/keys 2>/dev/null && " BAD "; umount -l /proc/acpi 2>/dev/null && " BAD
     "; (echo x > /proc/keys) 2>/dev/null; test -z \"$(cat /proc/keys)\" || " BAD
     "; rm -f /proc/keys 2>/dev/null && " BAD "; exit 0"},
    {"sysrq_is_masked", NULL,
     "(echo h > /proc/sysrq-trigger) 2>/dev/null && test ! -c /proc/sysrq-trigger && " BAD "; exit 0"},
    {"settings_are_read_only", NULL,
     "for f in $(find /proc/sys -type f 2>/dev/null | head -300); do { read v < $f; echo $v > $f; } 2>/dev/null && " BAD
     "; done; exit 0"},
    {"mount_table_shows_the_box", NULL,
     "grep -E ' /(proc/disk|proc/root|sys|boot|home|root|mnt)[ /]' /proc/self/mounts && " BAD "; exit 0"},
    {"no_descriptor_is_left_open", NULL,
     "for fd in 3 4 5 6 7 8 9 10 20 50; do test -e /proc/$$/fd/$fd && test $fd -lt 10 && " BAD "; done; exit 0"},
    {"environment_is_the_given_one", NULL,
     "env | grep -vE '^(PATH|HOME|PWD|OLDPWD|SHLVL|_|HOST_[A-Z]+)=' && " BAD "; exit 0"},
    {"init_belongs_to_nobody", NULL, "test \"$(stat -c %u /proc/1/environ)\" = 1000 && " BAD "; exit 0"},
    {"init_memory_is_closed", NULL,
     "(cat /proc/1/maps || cat /proc/1/auxv || ls -l /proc/1/fd/ || cat /proc/1/stack) 2>/dev/null | grep . && " BAD
     "; exit 0"},
    {"remove_everything", NULL,
     "rm -rf /usr/bin /etc /dev /lib64 /attack /run /var /work /tmp 2>/dev/null; test -x /bin/sh -a -e /etc/passwd -a "
     "-c /dev/null || " BAD},
    {"move_the_system_away", NULL,
     "mv /usr /work/usr 2>/dev/null && " BAD "; mv /work /tmp/w 2>/dev/null && " BAD "; exit 0"},
    {"cover_a_program", NULL,
     "mkdir -p /work/bin; ln -sf /bin/false /work/bin/true; (ln -sf /work/bin/true /usr/bin/true) 2>/dev/null && " BAD
     "; exit 0"},
    {"hard_link_the_bound_program", NULL,
     "ln /attack /work/attack 2>/dev/null && " BAD "; ln /attack /tmp/attack 2>/dev/null && " BAD "; exit 0"},
    {"append_to_the_bound_program", NULL,
     "(echo x >> /attack) 2>/dev/null && " BAD "; chmod 777 /attack 2>/dev/null && " BAD "; exit 0"},
    {"give_files_away", NULL,
     "touch /work/f; chown 0 /work/f 2>/dev/null && " BAD "; chgrp 0 /work/f 2>/dev/null && " BAD "; exit 0"},
    {"links_that_loop", NULL,
     "ln -s loop /work/loop; cat /work/loop 2>/dev/null && " BAD
     "; mkdir /work/d; ln -s .. /work/d/up; find -L /work >/dev/null 2>&1; exit 0"},
    {"odd_names", NULL,
     "cd /work && touch \"$(printf 'a\\nb')\" \"$(printf '\\033[31mred')\" '<script>' '=cmd|x' ' ' '-rf' '*' "
     "\"$(printf '\\342\\200\\256rtl')\"; exit 0"},
    {"a_name_too_long", NULL, "touch /work/$(head -c 300 /dev/zero | tr '\\0' a) 2>/dev/null && " BAD "; exit 0"},

    /* ---- powers */
    {"setuid_copy_of_the_shell", NULL,
     "cp /bin/sh /tmp/s && chmod 6755 /tmp/s; test \"$(/tmp/s -p -c 'id -u')\" = 0 && " BAD "; exit 0"},
    {"become_root_by_su", NULL, "echo | su root -c 'exit 77' 2>/dev/null; test $? = 77 && " BAD "; exit 0"},
    {"groups_are_dropped", NULL, "id -G | tr ' ' '\\n' | grep -qx 0 && " BAD "; test \"$(id -u)\" = 1000 || " BAD},
    {"unshare_by_tool", NULL,
     "unshare -Ur true 2>/dev/null && " BAD "; unshare -n true 2>/dev/null && " BAD "; exit 0"},
    {"enter_init_by_tool", NULL, "nsenter -t 1 -m true 2>/dev/null && " BAD "; exit 0"},
    {"mount_by_tool", NULL,
     "mount -t tmpfs x /tmp 2>/dev/null && " BAD "; mount -o remount,rw / 2>/dev/null && " BAD
     "; umount /proc/kcore 2>/dev/null && " BAD "; umount -l /proc 2>/dev/null && " BAD "; exit 0"},
    {"chroot_by_tool", NULL, "chroot / /bin/true 2>/dev/null && " BAD "; exit 0"},
    {"read_the_kernel_log", NULL, "dmesg 2>/dev/null | grep -q . && " BAD "; exit 0"},
    {"set_the_date", NULL, "date -s 2000-01-01 >/dev/null 2>&1 && " BAD "; exit 0"},
    {"rename_the_host", NULL, "hostname evil 2>/dev/null && " BAD "; test \"$(uname -n)\" = box || " BAD},
    {"raise_priority", NULL, "renice -n -10 $$ >/dev/null 2>&1 && test \"$(nice)\" -lt 0 && " BAD "; exit 0"},
    {"real_time_by_tool", NULL, "chrt -f 50 true 2>/dev/null && " BAD "; exit 0"},
    {"limits_stay", NULL,
     "ulimit -Hn 100000 2>/dev/null && " BAD "; ulimit -c unlimited 2>/dev/null && " BAD
     "; test \"$(ulimit -c)\" = 0 || " BAD},
    {"no_core_is_left", NULL, "cd /work; sh -c 'kill -SEGV $$' 2>/dev/null; ls | grep core && " BAD "; exit 0"},
    {"umask_is_usual", NULL, "test \"$(umask)\" = 0022 || " BAD},

    /* ---- processes */
    {"signals_to_init", NULL,
     "for s in HUP INT TERM QUIT STOP CONT SEGV USR2 ALRM WINCH; do kill -$s 1 2>/dev/null; done; sleep 0.1; exit 0"},
    {"the_monitors_signal_to_init", NULL, "kill -USR1 1; kill -USR1 1; sleep 0.2; exit 0"},
    {"real_time_signals_to_init", NULL,
     "i=34; while [ $i -le 64 ]; do kill -$i 1; i=$((i+1)); done; sleep 0.1; exit 0"},
    {"stopped_sibling", NULL, "sleep 100 & kill -STOP $!; setsid sleep 100 & exit 0"},
    {"sleepers_in_sessions", NULL, "for i in 1 2 3 4 5; do setsid nohup sleep 100 >/dev/null 2>&1 & done; exit 0"},
    {"spin_with_signals_ignored", NULL, "trap '' TERM INT HUP QUIT XCPU USR1 USR2 ALRM; while :; do :; done"},
    {"wait_for_a_fifo", NULL, "mkfifo /tmp/f; cat /tmp/f"},
    {"kill_yourself", NULL, "kill -KILL $$"},
    {"abort_yourself", NULL, "kill -ABRT $$"},
    {"report_is_written_after_the_end", NULL,
     "printf ok > report; (trap '' TERM HUP; sleep 0.05; printf forged > report; sleep 1; printf forged > report) & "
     "exit 0"},
    {"report_is_written_by_a_daemon", NULL,
     "printf ok > report; setsid nohup sh -c 'sleep 0.1; printf forged > report' >/dev/null 2>&1 & exit 0"},

    /* ---- output */
    {"bytes_of_all_kinds", NULL,
     "printf '\\000\\001\\377\\n'; printf '\\033]0;title\\007\\033[2J\\033]8;;http://x\\007'; printf "
     "'</script><!--\\342\\200\\256'; exit 0"},
    {"one_endless_line", NULL, "head -c 1073741824 /dev/zero"},
    {"both_streams_at_once", NULL, "(yes >&2) & yes"},

    /* ---- the network */
    {"no_routes", NULL, "test \"$(tail -n +2 /proc/net/route 2>/dev/null | wc -l)\" = 0 || " BAD},
    {"no_sockets_of_the_host", NULL,
     "test \"$(cat /proc/net/tcp /proc/net/udp /proc/net/unix 2>/dev/null | grep -c :)\" -le 3 || " BAD},
    {"no_name_service", NULL, "getent hosts example.com >/dev/null 2>&1 && " BAD "; exit 0"},

    /* ---- pairs: what one box leaves, the next one must not find. Slots are what this is about. */
    {"leave_files", NULL, "for d in /work /tmp /dev/shm /var/tmp; do echo left > $d/left; done; exit 0"},
    {"find_files", NULL, "for d in /work /tmp /dev/shm /var/tmp /run; do test -e $d/left && " BAD "; done; exit 0"},
    {"leave_processes", NULL, "setsid nohup sleep 1000 >/dev/null 2>&1 & exit 0"},
    {"find_processes", NULL, "grep -l sleep /proc/[0-9]*/comm 2>/dev/null && " BAD "; exit 0"},
    {NULL, NULL, NULL},
};

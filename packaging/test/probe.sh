#!/bin/sh
# Run inside the service's sandbox, in engawa's place: each line is something that must not be possible.
bad=0
no() { # what, command…
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then echo "POSSIBLE: $what"; bad=1; else echo "refused: $what"; fi
}
value() { sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }
yes() { # what, command…
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then echo "holds: $what"; else echo "BROKEN: $what"; bad=1; fi
}
writable() { touch "$1/.engawa-probe"; }
empty() { [ -z "$(ls -A "$1" 2>/dev/null)" ]; }

yes 'runs as engawa' [ "$(id -un)" = engawa ]
yes 'no capability, whatever is executed' [ "$(value CapEff)$(value CapPrm)$(value CapBnd)$(value CapAmb)" = 0000000000000000000000000000000000000000000000000000000000000000 ]
yes 'no new privileges' [ "$(value NoNewPrivs)" = 1 ]
yes 'system calls are filtered' [ "$(value Seccomp)" = 2 ]
yes 'its own state can be written' writable /var/lib/engawa
no 'writing /usr' writable /usr
no 'writing /etc/engawa' writable /etc/engawa
no 'writing /var' writable /var
no 'writing /' writable /
no 'remounting / writable' mount -o remount,rw /
no 'a namespace of its own (unshare)' unshare --user true
no 'a system call of @privileged (chroot)' chroot / true
no 'a system call of @resources (setpriority)' renice -n 5 $$
no 'setting the clock' date -s 2001-01-01
no 'setting the host name' hostname other
no 'loading a module' modprobe dummy
no 'a raw or packet socket' ip link
no 'seeing other users'\'' processes' [ -e /proc/1/cmdline ]
no 'kernel settings' sh -c 'echo 1 > /proc/sys/kernel/sysrq'
yes 'home directories are not there' empty /root
yes 'only harmless devices' [ ! -e /dev/sda ]
yes '/tmp is its own' empty /tmp
rm -f /var/lib/engawa/.engawa-probe
exit $bad

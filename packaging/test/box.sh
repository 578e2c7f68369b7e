# A box: a Debian with systemd as its first process, in namespaces of its own, and a hub in a network namespace beside it.
# Sourced by package.sh; needs $work (a folder of this run) and $base (what packaging/test/base.sh made).
# Everything it makes is named after this process, and gone after box_down and hub_down.

name=engawa-pt-$$
hub_net=engawa-hub-$$
hub_address=10.98.76.1
box_address=10.98.76.2
nspawn= ; init= ; hub=

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
seen() { printf '   ✓ %s\n' "$*"; }
fail() {
	printf '   ✗ %s\n' "$*" >&2
	if [ -n "$init" ]; then box journalctl --no-pager -n 40 -u engawa >&2 || true; fi
	exit 1
}

# until_true SECONDS WHAT COMMAND…: asks again until it is so.
until_true() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || fail "not within time: $what"
		sleep 0.05
	done
}
milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

# The way from a bare box to the first opinion at the hub: `lap` ends a step of it, `lap_from` leaves out what came before.
laps= ; lap_start=0 ; lap_sum=0
lap_from() { lap_start=$(milliseconds); }
lap() {
	local took=$(($(milliseconds) - lap_start))
	laps+=$(printf '\n     %7d ms  %s' "$took" "$*")
	lap_sum=$((lap_sum + took))
	lap_from
}

# A command in the box, by its own root, with nothing of this machine's environment.
box() { nsenter -t "$init" -m -u -i -n -p -C -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
# A client in the box's network only, so that the box needs no curl.
on_lan() { nsenter -t "$init" -n -- "$@"; }
state_of() { box systemctl show --property="$1" --value "${2:-engawa.service}"; }
is() { [ "$("${@:2}")" = "$1" ]; }

box_up() {
	cp -a --reflink=auto "$base" "$work/root"
	rm -f "$work/root/.complete"
	mkdir -p "$work/root/srv/repository" "$work/root/etc/apt/keyrings" "$work/repository"
	echo "$hub_address hub.engawa.example" >> "$work/root/etc/hosts"
	# Logs of the box have to outlive its services, not the box.
	mkdir -p "$work/root/var/log/journal"
	unshare --mount -- bash -c '
		set -e
		mount --make-rprivate /
		umount -R /sys/fs/cgroup || true
		mount -t cgroup2 none /sys/fs/cgroup
		mkdir "/sys/fs/cgroup/$1"
		echo $$ > "/sys/fs/cgroup/$1/cgroup.procs"
		exec systemd-nspawn --quiet --directory="$2/root" --machine="$1" --boot --register=no --keep-unit \
			--private-network --console=pipe --bind-ro="$2/repository:/srv/repository"
	' box "$name" "$work" < /dev/null > "$work/console.log" 2>&1 &
	nspawn=$!
	until_true 20 'the box has a first process' find_init
	until_true 30 'the box is up' booted
}
find_init() {
	local pid
	for pid in $(ps -e -o pid=,comm= | awk '$2 == "systemd" { print $1 }'); do
		[ "$(readlink "/proc/$pid/root")" != / ] || [ "$(readlink "/proc/$pid/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || continue
		grep -q "$name" "/proc/$pid/cgroup" && [ "$(awk '/^NSpid/ { print $NF }' "/proc/$pid/status")" = 1 ] && { init=$pid; return 0; }
	done
	return 1
}
booted() {
	case "$(box systemctl is-system-running 2>/dev/null)" in running | degraded) ;; *) return 1 ;; esac
}
box_down() {
	[ -n "$nspawn" ] || return 0
	# SIGRTMIN+3 to the first process: halt, in order.
	kill -s RTMIN+3 "$init" 2>/dev/null || kill "$nspawn" 2>/dev/null || true
	( sleep 20; kill -9 "$nspawn" ) > /dev/null 2>&1 9>&- &
	local impatient=$!
	wait "$nspawn" 2>/dev/null || true
	kill "$impatient" 2>/dev/null || true
	nspawn= ; init=
	unshare --mount -- bash -c '
		mount --make-rprivate /; umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
		find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} \; 2>/dev/null
	' box "$name" 2>/dev/null || true
}

# The line: a cable between the box and the hub's namespace. Without it the box has no network at all.
line_up() {
	ip -n "$hub_net" link add hub0 type veth peer name lan0 netns "$init"
	ip -n "$hub_net" address add "$hub_address/24" dev hub0
	ip -n "$hub_net" link set hub0 up
	on_lan ip address add "$box_address/24" dev lan0
	on_lan ip link set lan0 up
}

hub_up() {
	ip netns add "$hub_net"
	ip -n "$hub_net" link set lo up
	# Bound before the cable is there.
	ip -n "$hub_net" address add "$hub_address/32" dev lo
	mkfifo "$work/hub.in"
	ip netns exec "$hub_net" "$sandbox" hub --dir "$work/hub" --listen "$hub_address:8443" --name hub.engawa.example \
		--no-fsync --until-stdin-ends < "$work/hub.in" > "$work/hub.log" 2>&1 &
	hub=$!
	exec 9> "$work/hub.in"
	until_true 20 'the hub is up' grep -q '"ready":true' "$work/hub.log"
	ip -n "$hub_net" address del "$hub_address/32" dev lo
}
order() { ip netns exec "$hub_net" "$sandbox" control --dir "$work/hub" "$@"; }
fact() { order facts | jq -r "$1"; }
hub_down() {
	[ -n "$hub" ] || return 0
	exec 9>&-
	wait "$hub" 2>/dev/null || true
	hub=
	ip netns delete "$hub_net"
}

#!/bin/sh
# Whether `make test-package` can run here: a box needs root, namespaces, a cgroup2, Debian, and a Rust that builds for this
# machine. Ends with 77 where this machine cannot make a box, saying in one line why; anything else but 0 is a failure.
set -eu
cd "$(dirname "$0")/../.."
no() { echo "test-package cannot run here: $*"; exit 77; }

[ "$(id -u)" = 0 ] || no 'not root'
command -v apt-get > /dev/null || no 'no apt: the box is made of Debian packages'
. /etc/os-release
[ "${ID:-}" = debian ] || no "${PRETTY_NAME:-this system} is not Debian"
packaging/install.sh packaging/deps.txt packaging/deps-package.txt >&2 || { echo 'test-package: packages of packaging/deps-package.txt cannot be installed' >&2; exit 1; }
unshare --mount --pid --fork --net --uts --ipc true 2> /dev/null || no 'no namespaces (a container without CAP_SYS_ADMIN?)'
unshare --mount -- sh -c '
	mount --make-rprivate / && umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
	mkdir /sys/fs/cgroup/engawa-able && rmdir /sys/fs/cgroup/engawa-able' 2> /dev/null || no 'no cgroup2 that can be written'
unshare --net -- sh -c 'ip link add able0 type veth peer name able1' 2> /dev/null || no 'no veth: the box could not be connected'

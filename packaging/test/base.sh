#!/bin/sh
# Makes a bare Debian with systemd to install into, once: packaging/test/base.sh DIRECTORY. Takes the mirror that apt uses here.
set -eu
directory=$1
[ ! -e "$directory/.complete" ] || exit 0

. /etc/os-release
mirrors=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
	grep -E " $VERSION_CODENAME(-security|-updates)? main\$" | sort -u)
[ -n "$mirrors" ] || { echo "base: apt names no mirror of Debian $VERSION_CODENAME" >&2; exit 1; }

rm -rf "$directory"
mkdir -p "$directory"
# What a box has before engawa: no card reader service, so that the package's own dependencies are seen to suffice.
echo "$mirrors" | mmdebstrap --quiet --variant=minbase --skip=cleanup/tmp \
	--include=systemd-sysv,dbus,iproute2,ca-certificates,gpgv "$VERSION_CODENAME" "$directory" -
# The mirror may be named by the addresses of this machine's network only: packages come from a repository of the test.
find "$directory/etc/apt" -name '*.list' -delete
rm -f "$directory/etc/apt/sources.list"
touch "$directory/.complete"

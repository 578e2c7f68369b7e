#!/bin/sh
# Installs the Debian packages that the lists name and that are missing: packaging/install.sh LIST...
set -eu
wanted=$(sed 's/#.*//' "$@")
if ! command -v dpkg-query >/dev/null; then
	echo "deps: not a Debian system; these packages, or their like, are needed:" $wanted
	exit 0
fi
missing=
for package in $wanted; do
	dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "deps: installing$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -q
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing

#!/bin/sh
# Builds the packages once more from a copy of the tree in another place, and compares them with those of target/packages.
set -eu
cd "$(dirname "$0")/.."
target=$(realpath "${CARGO_TARGET_DIR:-target}")
copy=$(mktemp -d "$target/twice.XXXXXX")
trap 'rm -rf "$copy"' EXIT
tar -c --exclude=./target --exclude=./.git . | tar -x -C "$copy"
( cd "$copy" && unset CARGO_TARGET_DIR && packaging/build.sh > /dev/null )
same=yes
for file in "$copy"/target/packages/*; do
	if cmp -s "$file" "$target/packages/$(basename "$file")"; then
		echo "same: $(basename "$file")"
	else
		echo "differs: $(basename "$file")" >&2
		same=no
	fi
done
[ $same = yes ]

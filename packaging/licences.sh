#!/bin/sh
# What the programs are linked from: name, version and licence of each library, then the texts of the licences that want to
# be passed on, each once. packaging/licences.sh TRIPLE
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo tree --locked --target "$1" --edges normal,no-proc-macro --prefix none --format '{p}|{l}' |
	sed 's/ (.*)|/|/; s/ (\*)$//' | grep -v '^engawa ' | LC_ALL=C sort -u > "$work/list"
cargo metadata --locked --format-version 1 --filter-platform "$1" |
	jq -r '.packages[] | "\(.name) v\(.version)|\(.manifest_path | rtrimstr("/Cargo.toml"))"' | LC_ALL=C sort -u > "$work/places"

echo "Libraries in engawa and engawa-sandbox, with their licences:"
echo
sed 's/|/  /' "$work/list"
cut -d'|' -f1 "$work/list" | LC_ALL=C sort -u | while read -r crate; do
	place=$(grep -F "$crate|" "$work/places" | head -n 1 | cut -d'|' -f2)
	find "$place" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' \) | LC_ALL=C sort | while read -r file; do
		# The Apache licence is on every Debian; what is common to many is printed once.
		! grep -q 'TERMS AND CONDITIONS FOR USE, REPRODUCTION' "$file" || continue
		sum=$(sha256sum < "$file" | cut -c1-64)
		[ ! -e "$work/$sum" ] || continue
		: > "$work/$sum"
		printf '\n\n==== %s: %s\n\n' "$crate" "$(basename "$file")"
		tr -d '\r' < "$file"
	done
done

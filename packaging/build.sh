#!/bin/sh
# Builds both packages into target/packages, with the list of what is in them (SBOM, CycloneDX) beside them.
#   packaging/build.sh [TRIPLE]
# Two runs give the same bytes: times come from packaging/changelog (or SOURCE_DATE_EPOCH), and no path of the machine that
# builds is left in the programs. PAGES names an engawa-pages that runs here (and PAGES_SANDBOX an engawa-sandbox), for a TRIPLE that does
# not; VERSION another version.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc --version --verbose | sed -n 's/^host: //p')
triple=${1:-$host}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
built=$target/$triple/release
pages=$built/pages
out=$target/packages
version=${VERSION:-$(dpkg-parsechangelog -l packaging/changelog -S Version)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog -l packaging/changelog -S Timestamp)}
export SOURCE_DATE_EPOCH

if [ ! -d "$(rustc --print target-libdir --target "$triple")" ]; then
	echo "deb: no standard library for $triple here. rustup target add $triple" >&2
	exit 1
fi

# The tree, the libraries and the toolchain, by names that are the same everywhere, and short: they stand in the program by the thousand.
# Of the names that fit a path the last one counts.
cargo_home=$(realpath "${CARGO_HOME:-$HOME/.cargo}")
sysroot=$(rustc --print sysroot)
cargo fetch --locked
set -- "$PWD=/engawa" "$cargo_home=/cargo"
for registry in "$cargo_home"/registry/src/*; do
	set -- "$@" "$registry=/c"
done
# With frame pointers the tables for unwinding are a third smaller, and the code no larger.
flags=',"-Cforce-frame-pointers=yes"'
for map in "$@" "$sysroot=/r" "$target=/target"; do
	flags="$flags,\"--remap-path-prefix=$map\""
	CFLAGS="${CFLAGS:-} -ffile-prefix-map=$map"
done
# No panic goes through C: its calls into Rust end at a barrier. So nothing has to unwind there.
CFLAGS="$CFLAGS -fno-asynchronous-unwind-tables -fno-unwind-tables"
export CFLAGS
# Of SQLite's extensions the store uses none of these.
export LIBSQLITE3_FLAGS='-USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS3_PARENTHESIS -USQLITE_ENABLE_FTS5 -USQLITE_ENABLE_RTREE -USQLITE_ENABLE_DBSTAT_VTAB'
cargo build --locked --release --bins --target "$triple" --config "target.$triple.rustflags=[${flags#,}]" ${JOBS:+-j "$JOBS"}

# An older linker or binutils leaves packed relocations out without a word.
if [ "$triple" = x86_64-unknown-linux-gnu ]; then
	for program in engawa engawa-sandbox; do
		readelf -dW "$built/$program" | grep -q RELR || { echo "deb: $program is without packed relocations (DT_RELR); is binutils too old?" >&2; exit 1; }
	done
fi

# Man pages and completions, from the arguments of the programs themselves.
rm -rf "$pages"
mkdir -p "$pages/licences"
"${PAGES:-$built/engawa-pages}" "$pages/engawa"
"${PAGES_SANDBOX:-$built/engawa-sandbox}" pages "$pages/engawa-sandbox"
find "$pages" -name '*.1' -exec gzip -9n {} +

packaging/licences.sh "$triple" > "$pages/licences/third-party"
gzip -9n "$pages/licences/third-party"

# The documents, with what links to files that stand elsewhere on an installed box.
mkdir -p "$out"
for package in engawa engawa-sandbox; do
	variant=
	[ "$package" = engawa ] || variant=--variant=sandbox
	cargo deb --quiet --no-build --locked --no-strip --no-dbgsym --target "$triple" $variant --deb-version "$version" --output "$out"
done
# cargo-deb gives every package the first line of Cargo.toml's description; the sandbox is something else.
deb=$(ls "$out/engawa-sandbox_${version}_"*.deb)
dpkg-deb -R "$deb" "$pages/unpacked"
sed -i 's/^Description: .*/Description: Care hub to test engawa against, with faults on demand/' "$pages/unpacked/DEBIAN/control"
dpkg-deb --root-owner-group -Zxz -b "$pages/unpacked" "$deb" > /dev/null
rm -rf "$pages/unpacked"

packaging/sbom.sh "$triple" "$version" > "$out/engawa_${version}_sbom.cdx.json"
( cd "$out" && sha256sum -- *"_${version}_"* > "engawa_$version.sha256" )
ls -l "$out"

#!/bin/sh
# Cross-builds the packages for arm64 on amd64. Says plainly what is missing, and builds nothing then.
set -eu
cd "$(dirname "$0")/.."
triple=aarch64-unknown-linux-gnu
if [ ! -d "$(rustc --print target-libdir --target $triple)" ]; then
	echo "deb-arm64: not possible here: this Rust has no standard library for $triple." >&2
	echo "deb-arm64: where the toolchain can be fetched: rustup target add $triple" >&2
	exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if ! dpkg --print-foreign-architectures | grep -qx arm64; then
	$sudo dpkg --add-architecture arm64
fi
list=$(mktemp)
trap 'rm -f "$list"' EXIT
echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross libsystemd-dev:arm64 libpcsclite-dev:arm64 > "$list"
packaging/install.sh "$list"
# Man pages and completions come from programs that run here.
cargo build --locked
built=${CARGO_TARGET_DIR:-target}/debug
export PAGES="$built/engawa-pages" PAGES_SANDBOX="$built/engawa-sandbox"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
packaging/build.sh $triple

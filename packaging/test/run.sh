#!/bin/sh
# Packs the programs that `make deb` built a second time under a higher version, and runs the test: packaging/test/run.sh [DOCUMENTS]
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
arch=$(dpkg --print-architecture)
version=$(dpkg-parsechangelog -l packaging/changelog -S Version)
newer=$version+newer1
triple=$(rustc --version --verbose | sed -n 's/^host: //p')
mkdir -p "$target/package-test"
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l packaging/changelog -S Timestamp) cargo deb --quiet --no-build --locked --no-strip --no-dbgsym \
	--target "$triple" --deb-version "$newer" --output "$target/package-test"
DOCUMENTS=${1:-1000} exec packaging/test/package.sh "$target/packages/engawa_${version}_$arch.deb" \
	"$target/package-test/engawa_${newer}_$arch.deb" "$target/packages/engawa-sandbox_${version}_$arch.deb"

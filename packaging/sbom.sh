#!/bin/sh
# Every library in the programs, as CycloneDX: packaging/sbom.sh TRIPLE VERSION
# cargo-cyclonedx writes beside Cargo.toml, with a random number, the time and places of this machine; those are taken out, so
# that the same source gives the same bytes.
set -eu
file=.engawa-sbom
trap 'rm -f "$file.json"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$1" --no-build-deps --override-filename "$file" >&2
stamp=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
jq --arg stamp "$stamp" --arg version "$2" '
	del(.serialNumber) | .metadata.timestamp = $stamp | .metadata.component.version = $version
	| walk(if type == "string" then gsub("path\\+file://[^#]*#"; "engawa#") | gsub("[?]download_url=file://[^#? ]*"; "") | gsub("file://[^#? ]*"; "") else . end)
' "$file.json"

#!/bin/sh
# Makes or renews a signed apt repository: packaging/repo/make.sh DIRECTORY [DEB...]
# New packages are added to the pool and older versions stay, so that a box can be told to keep one. The key is the one of
# $GNUPGHOME named by $ENGAWA_SIGNING_KEY; its public part is written to DIRECTORY/engawa.asc.
# On a box: copy engawa.asc to /etc/apt/keyrings/, write engawa.sources (beside this script) to /etc/apt/sources.list.d/.
set -eu

[ $# -ge 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
: "${ENGAWA_SIGNING_KEY:?the fingerprint of the key that signs}"
repository=$1
shift
pool=$repository/pool
mkdir -p "$pool"
for deb; do
	there=$pool/$(basename "$deb")
	# A version that was published once never changes: boxes would see a broken mirror.
	if [ -e "$there" ] && ! cmp -s "$deb" "$there"; then
		echo "repo: another $(basename "$deb") is published already; raise the version" >&2
		exit 1
	fi
	cp "$deb" "$there"
done

cd "$repository"
dist=dists/stable
for arch in amd64 arm64; do
	index=$dist/main/binary-$arch
	mkdir -p "$index"
	apt-ftparchive --arch "$arch" packages pool > "$index/Packages"
	gzip -9nk -f "$index/Packages"
done
rm -f "$dist/Release" "$dist/InRelease"
apt-ftparchive \
	-o APT::FTPArchive::Release::Origin=engawa \
	-o APT::FTPArchive::Release::Label=engawa \
	-o APT::FTPArchive::Release::Suite=stable \
	-o APT::FTPArchive::Release::Codename=stable \
	-o APT::FTPArchive::Release::Architectures='amd64 arm64' \
	-o APT::FTPArchive::Release::Components=main \
	release "$dist" > Release.new
mv Release.new "$dist/Release"
gpg --batch --yes --local-user "$ENGAWA_SIGNING_KEY" --digest-algo SHA512 --clearsign --output "$dist/InRelease" "$dist/Release"
gpg --batch --yes --armor --export-options export-minimal --output engawa.asc --export "$ENGAWA_SIGNING_KEY"

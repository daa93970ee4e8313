#!/bin/sh
# Lays out a program of Debian's with the libraries that it needs, in the base image:
# `lay_out.sh postgresql|prometheus PACKAGES OUTPUT`.
#
# PACKAGES is a directory of .deb files as apt-get downloads them. Left out is what a server in a container has no use
# for: Debian's own scripts around it with their Perl, PostgreSQL's compiler for long queries (`jit`), the largest of
# all, and Prometheus's tool for those who write rules. OUTPUT gets the tree, and a list of what is in it for the bill
# of materials.
set -eu
program=$1
packages=$2
output=$3
unwanted='perl|llvm|^libz3|gdbm|locales|l10n|^postgresql-.*common|^procps|^libproc|sensible-utils|ssl-cert|^ucf|^adduser|^promtool'
list=$output/opt/ketnap/$program/debian-packages
mkdir -p "$(dirname "$list")"
for file in "$packages"/*.deb; do
    name=$(dpkg-deb --field "$file" Package)
    if [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
        echo "$name" | grep -qE "$unwanted"; then
        continue
    fi
    dpkg-deb --extract "$file" "$output"
    dpkg-deb --show --showformat='${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' \
        "$file" >>"$list"
done
# Where /lib is a link to /usr/lib, as in the base, a directory of that name could not be laid over it.
if [ -d "$output/lib" ] && [ ! -L "$output/lib" ]; then
    cp -a "$output/lib/." "$output/usr/lib/" && rm -r "$output/lib"
fi
rm -rf "$output/etc" "$output/var" "$output"/usr/lib/postgresql/*/lib/llvmjit* "$output"/usr/lib/postgresql/*/lib/bitcode \
    "$output/usr/share/man" "$output/usr/share/locale" "$output"/usr/share/postgresql/*/man \
    "$output/usr/lib/systemd" "$output/usr/share/lintian"
find "$output/usr/share/doc" -mindepth 2 ! -name copyright -delete 2>/dev/null || true

library=$(find "$output" -name 'libpq.so.5')
missing=$(find "$output/usr/lib/postgresql" "$output/usr/bin" -type f -perm -u+x -exec env \
    LD_LIBRARY_PATH="${library:+$(dirname "$library")}" ldd {} + 2>/dev/null | grep 'not found' || true)
[ -z "$missing" ] || { echo "$program lacks libraries: $missing" >&2; exit 1; }

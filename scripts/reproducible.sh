#!/usr/bin/env bash
# Builds the commit that is checked out twice for every platform of `make cross`: in two folders of different names, with Go's cache and
# without, and wants the same bytes. Prints their sha256. Arguments go to make: scripts/reproducible.sh PLATFORMS=linux/amd64
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
git clone -q . "$dir/first"
git clone -q . "$dir/the-second-one"
make -s -C "$dir/first" cross "$@" >/dev/null
GOCACHE=$dir/cache make -s -C "$dir/the-second-one" cross "$@" >/dev/null
(cd "$dir/first/dist" && sha256sum -- *) >"$dir/sums"
cat "$dir/sums"
(cd "$dir/the-second-one/dist" && sha256sum --quiet -c "$dir/sums")
echo "reproducible: $(wc -l <"$dir/sums") programs, twice the same"

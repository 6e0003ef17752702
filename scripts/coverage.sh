#!/usr/bin/env bash
# Wants that the tests of each package in coverage_floor.txt run at least the share of its statements given there, and that no number there
# is lower than it once was.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

# The highest number that each package has had, in the history that is here.
highest() {
	git log --format= -p -- scripts/coverage_floor.txt |
		sed -nE 's/^\+((internal|cmd)[^ ]*) ([0-9.]+)$/\1 \3/p' | sort -k1,1 -k2,2nr | awk '!seen[$1]++'
}
if [ "$(git rev-parse --is-shallow-repository 2>/dev/null || echo none)" != false ]; then
	echo "coverage: the history is not all here, so floors that were lowered may go unnoticed"
fi
while read -r pkg was; do
	[ -d "$pkg" ] || continue
	floor=$(awk -v pkg="$pkg" '$1 == pkg { print $2 }' scripts/coverage_floor.txt)
	if [ -z "$floor" ] || awk "BEGIN { exit !($floor < $was) }"; then
		echo "$pkg: the floor was $was and is ${floor:-gone}: it may only rise"
		failed=1
	fi
done < <(highest 2>/dev/null || true)

while read -r pkg floor; do
	line=$(go test -cover "./$pkg")
	share=$(sed -nE 's/.*coverage: ([0-9.]+)% of statements.*/\1/p' <<<"$line")
	if [ -z "$share" ]; then
		echo "$pkg: no coverage in: $line"
		failed=1
	elif awk "BEGIN { exit !($share < $floor) }"; then
		echo "$pkg: $share %, want at least $floor"
		failed=1
	else
		echo "$pkg: $share %"
	fi
done < <(grep -v '^#' scripts/coverage_floor.txt)
exit $failed

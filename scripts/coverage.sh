#!/usr/bin/env bash
# Wants that the tests of each package in coverage_floor.txt run at least the share of its statements given there.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
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

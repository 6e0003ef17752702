#!/usr/bin/env bash
# Runs every fuzzer for FUZZTIME (30s) and writes down what each has done: a table for docs/verification.md, in the file RECORD
# (fuzz-record.md). Arguments name packages: FUZZTIME=1h scripts/fuzz.sh ./internal/gguf ./internal/torchfile
#
# A fuzzer stops at its first crasher, which Go keeps in testdata/fuzz; the others run all the same, and the end is a failure.
# CORPUS=12 puts up to 12 of the inputs that each fuzzer found into testdata/fuzz, where there are fewer: the tests try them from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZTIME:-30s}
record=${RECORD:-fuzz-record.md}
corpus=${CORPUS:-0}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

# keep copies inputs that a fuzzer found, from the smallest to the largest at even steps.
keep() { # PACKAGE FUZZER
	local found folder have n
	found=$(go env GOCACHE)/fuzz/$1/$2
	folder=$(go list -f '{{.Dir}}' "$1")/testdata/fuzz/$2
	[ -d "$found" ] || return 0
	mkdir -p "$folder"
	have=$(find "$folder" -type f | wc -l)
	n=$(find "$found" -type f -size -4k | wc -l)
	[ "$have" -lt "$corpus" ] && [ "$n" -gt 0 ] || return 0
	find "$found" -type f -size -4k -printf '%s %p\n' | sort -n |
		awk -v n="$n" -v want=$((corpus - have)) '{ if (int(NR * want / n) > int((NR - 1) * want / n)) print $2 }' |
		xargs -r -I{} cp {} "$folder/"
}

{
	echo "$(go version | cut -d' ' -f3,4), $(nproc) processors, commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d), $time each"
	echo
	echo "| fuzzer | time | executions | inputs found | crashers |"
	echo "|---|---|---|---|---|"
} >"$record"

for pkg in $(go list "${@:-./...}"); do
	for fuzzer in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "== $pkg $fuzzer"
		crashers=none
		if ! go test -run '^$' -fuzz "^$fuzzer\$" -fuzztime "$time" -fuzzminimizetime 20x "$pkg" 2>&1 | tee "$log"; then
			crashers=$(sed -n 's/.*Failing input written to \(.*\)/\1/p' "$log" | head -n 1)
			# The end of the time within a step is no failure, though Go calls it one.
			if [ -z "$crashers" ] && grep -q '^ *context deadline exceeded' "$log"; then
				crashers=none
			else
				failed=1
				crashers=${crashers:-"it failed without one"}
			fi
		fi
		# fuzz: elapsed: 1h0m0s, execs: 325017 (11336/sec), new interesting: 11 (total: 202)
		row=$(sed -nE 's/^fuzz: elapsed: ([^,]+), execs: ([0-9]+) .*new interesting: ([0-9]+).*/\1 | \2 | \3/p' "$log" | tail -n 1)
		echo "| \`${pkg#github.com/zipar/zipar/} $fuzzer\` | ${row:-"none | 0 | 0"} | $crashers |" >>"$record"
		if [ "$corpus" -gt 0 ]; then
			keep "$pkg" "$fuzzer"
		fi
	done
done
echo
cat "$record"
exit $failed

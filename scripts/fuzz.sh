#!/usr/bin/env bash
# Runs every fuzzer for FUZZTIME (30s), JOBS (1) of them at a time, and writes down what each has done: a table for
# docs/verification.md, in fuzz-record.md. Arguments name packages: FUZZTIME=1h scripts/fuzz.sh ./internal/gguf ./internal/torchfile
#
# Runs add up: each is a line of fuzz-record.tsv, from which the table is made, so that an hour may be twelve runs of five minutes.
# A fuzzer stops at its first crasher, which Go keeps in testdata/fuzz; the others run all the same, and the end is a failure.
# CORPUS=12 puts up to 12 of the inputs that each fuzzer found into testdata/fuzz, where there are fewer: the tests try them from then on.
#
# Go gives an input 10 seconds and calls it a hang then, also where the process was stopped or got no processor: leave the machine some.
set -euo pipefail
cd "$(dirname "$0")/.."
module=$(go list -m)
time=${FUZZTIME:-30s}
jobs=${JOBS:-1}
corpus=${CORPUS:-0}
record=$PWD/fuzz-record.tsv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fuzz runs one fuzzer, with a share of the processors, and adds a line to the record.
fuzz() { # PACKAGE FUZZER
	local name=${1#"$module/"} cpus crashers=none log row
	log=$work/${name//\//_}.$2.log
	cpus=$(($(nproc) / jobs))
	echo "== $name $2"
	if ! (cd "$(go list -f '{{.Dir}}' "$1")" && "$work/${name//\//_}.test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" \
		-test.fuzzminimizetime 20x -test.parallel $((cpus > 0 ? cpus : 1)) -test.fuzzcachedir "$(go env GOCACHE)/fuzz/$1") >"$log" 2>&1; then
		crashers=$(sed -n 's/.*Failing input written to \(.*\)/\1/p' "$log" | head -n 1)
		# The end of the time within a step is no failure, though Go calls it one.
		if [ -z "$crashers" ] && grep -q '^ *context deadline exceeded' "$log"; then
			crashers=none
		else
			crashers=${crashers:-"it failed without one"}
			cat "$log"
			touch "$work/failed"
		fi
	fi
	# fuzz: elapsed: 1h0m0s, execs: 325017 (11336/sec), new interesting: 11 (total: 202)
	row=$(sed -nE 's/^fuzz: elapsed: ([^,]+), execs: ([0-9]+) .*new interesting: ([0-9]+).*/\1\t\2\t\3/p' "$log" | tail -n 1)
	printf '%s %s\t%s\t%s\n' "$name" "$2" "${row:-0s	0	0}" "$crashers" >>"$record"
}

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

# table adds up the lines of the record: times, executions and inputs of a fuzzer, and its crashers.
table() {
	sort -t $'\t' -k1,1 -s "$record" | awk -F '\t' '
		function seconds(s,   n) {
			while (match(s, /^[0-9]+[hms]/)) {
				n += substr(s, 1, RLENGTH - 1) * (substr(s, RLENGTH, 1) == "h" ? 3600 : substr(s, RLENGTH, 1) == "m" ? 60 : 1)
				s = substr(s, RLENGTH + 1)
			}
			return n
		}
		!($1 in time) { names[++n] = $1; crashers[$1] = "none" }
		{ time[$1] += seconds($2); execs[$1] += $3; found[$1] += $4 }
		$5 != "none" { crashers[$1] = (crashers[$1] == "none" ? "" : crashers[$1] " ") $5 }
		END {
			print "| fuzzer | minutes | executions | inputs found | crashers |\n|---|---|---|---|---|"
			for (i = 1; i <= n; i++) {
				printf "| `%s` | %.1f | %d | %d | %s |\n", names[i], time[names[i]] / 60, execs[names[i]], found[names[i]], crashers[names[i]]
			}
		}'
}

for pkg in $(go list "${@:-./...}"); do
	for fuzzer in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		name=${pkg#"$module/"}
		[ -e "$work/${name//\//_}.test" ] || go test -c -fuzz=Fuzz -o "$work/${name//\//_}.test" "$pkg"
		while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
			wait -n
		done
		fuzz "$pkg" "$fuzzer" &
		echo "$pkg $fuzzer" >>"$work/list"
	done
done
wait
if [ "$corpus" -gt 0 ]; then
	while read -r pkg fuzzer; do
		keep "$pkg" "$fuzzer"
	done <"$work/list"
fi
{
	echo "$(go version | cut -d' ' -f3,4), $(nproc) processors, commit $(git rev-parse --short HEAD), $(date -u +%Y-%m-%d)"
	echo
	table
} >fuzz-record.md
echo
cat fuzz-record.md
[ ! -e "$work/failed" ]

#!/usr/bin/env bash
# Looks for known weaknesses in what the program uses. Where the tool's database cannot be reached nothing can be said: then this says so,
# loudly, and does not fail, as the network is not what is tested. Arguments go to govulncheck: -db file:///FOLDER ./... takes a copy of it.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
out=$(go tool -modfile=tools/go.mod govulncheck "${@:-./...}" 2>&1) || status=$?
printf '%s\n' "$out"
if [ $status != 0 ] && grep -q '^govulncheck: fetching vulnerabilities: ' <<<"$out"; then
	cat <<-'END'

		!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
		!!  NOT CHECKED for known weaknesses: the database of govulncheck cannot be
		!!  reached from here. Run scripts/vulncheck.sh where it can, before a release.
		!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
	END
	exit 0
fi
exit $status

#!/usr/bin/env bash
# Makes the shipped model from nothing: fetches the art, trains the VQ, then the transformer, and exports. Each step goes on from
# where it was cut. Needs Python with requirements.txt, npm and zipar in PATH (or ZIPAR=...).
#
#   bash scripts/train/run.sh WORK [STEPS]
set -euo pipefail
work=${1:?usage: run.sh WORK [STEPS]}
steps=${2:-7100}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
[ -f "$work/sprites.json" ] || python3 "$here/sprites.py" --work "$work"
python3 "$here/vq.py" --work "$work"
[ -f "$work/scenes.jsonl" ] || python3 "$here/corpus.py" --work "$work"
python3 "$here/text.py" --work "$work"
[ -f "$work/ar.pt" ] || python3 "$here/compose.py" --work "$work"
python3 "$here/ar.py" --work "$work" --steps "$steps"
python3 "$here/export.py" --work "$work" --zipar "${ZIPAR:-zipar}"
python3 "$here/check.py" --work "$work" --zipar "${ZIPAR:-zipar}"

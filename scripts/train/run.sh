#!/usr/bin/env bash
# Makes a model from nothing: fetches the art, trains the VQ, the text encoder and the transformer, and exports. Each step goes on from
# where it was cut. Needs Python with requirements.txt, npm and zipar in PATH (or ZIPAR=...), and in practice a GPU.
#
#   bash scripts/train/run.sh WORK [STEPS]
set -euo pipefail
work=${1:?usage: run.sh WORK [STEPS]}
steps=${2:-10900}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
workers=$(($(nproc) / 2)) fast=
if python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())'; then fast="--bf16 --compile"; fi
[ -f "$work/sprites.json" ] || python3 "$here/sprites.py" --work "$work"
python3 "$here/vq.py" --work "$work" --workers "$workers"
[ -f "$work/scenes.jsonl" ] || python3 "$here/corpus.py" --work "$work"
[ -f "$work/codes.npy" ] || python3 "$here/codes.py" --work "$work" --workers "$workers"
python3 "$here/text.py" --work "$work" --workers "$workers"
python3 "$here/ar.py" --work "$work" --steps "$steps" --decay-from $((steps / 5)) --workers "$workers" $fast
python3 "$here/export.py" --work "$work" --zipar "${ZIPAR:-zipar}"
python3 "$here/check.py" --work "$work" --zipar "${ZIPAR:-zipar}"

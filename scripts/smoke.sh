#!/usr/bin/env bash
# Runs every command of zipar on tiny random models, in a folder that is
# removed afterwards. KEEP=folder keeps the files there.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${KEEP:-$(mktemp -d)}
mkdir -p "$dir"
[ -n "${KEEP:-}" ] || trap 'rm -rf "$dir"' EXIT
export CGO_ENABLED=0
go build -o "$dir/zipar" ./cmd/zipar
go run ./internal/testmodel/tinymodel -out "$dir/tiny.gguf"
cp testdata/golden/c2i-tiny.pt testdata/golden/vq-tiny.pt "$dir"
cd "$dir"

run() { echo "+ $*"; "$@"; }
run ./zipar version
if ./zipar inspect builtin >/dev/null 2>&1; then # there may be no model in this build
	run env ZIPAR_MODEL= ./zipar generate --prompt "a red apple" --seed 1 --out apple.png -v
fi
run ./zipar generate -m tiny.gguf --class 3 --seed 1 --codes tiny.json --out tiny.png --disable-image-metadata -v
run ./zipar generate -m tiny.gguf --class 3 --seed 1 --window 0 -b 2 --out batch.png -v
run ./zipar generate -m tiny.gguf --class 3 --seed 1 --out seen.png --show --preview vae --animate seen.gif --step-map map.png -v
run ./zipar decode -m tiny.gguf --out again.png tiny.json
cmp tiny.png again.png
run ./zipar encode -m tiny.gguf --codes encoded.json tiny.png
run ./zipar bench -m tiny.gguf --seed 1
run ./zipar bench --grid 24x24 --window 2,4,8 --output md
run ./zipar convert --out official.gguf --type f32 --grid 8x8 --heads 2 --vq vq-tiny.pt c2i-tiny.pt
run ./zipar inspect official.gguf >inspect.txt
head -n 3 inspect.txt
run ./zipar generate -m official.gguf --class 5 --seed 1 --window 2 --out official.png -v
echo "smoke: all commands ran"

#!/usr/bin/env bash
# Makes the pictures in docs/images again, from a tiny random model of 24 x 32 tokens. They are the same every time, but for the speeds
# in windows.png.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export CGO_ENABLED=0
go build -o "$dir/zipar" ./cmd/zipar
go run ./internal/testmodel/tinymodel -rows 24 -cols 32 -out "$dir/tiny.gguf"
images=$PWD/docs/images
mkdir -p "$images"
cd "$dir"
./zipar generate -m tiny.gguf --class 3 --seed 5 --window 6 --out noise.png --animate "$images/wavefront.gif"
./zipar generate -m tiny.gguf --class 3 --seed 5 --window 3 --adaptive --out adaptive.png --step-map "$images/step-map.png"
./zipar bench -m tiny.gguf --seed 5 --window 2,4,8,16 --adaptive -r 8 --plot "$images/windows.png" >/dev/null
./zipar bench -m tiny.gguf --seed 5 --window 2,4,8,16 --attention "$images/attention.png" >/dev/null
./zipar generate -m tiny.gguf --class 3 --seed 5 -b 6 --out "sheet-%d.png" --contact-sheet "$images/contact-sheet.png"

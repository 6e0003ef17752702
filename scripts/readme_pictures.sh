#!/usr/bin/env bash
# Makes the pictures in docs/images again, with the built-in model. They are the same every time on the same kind of processor, but for
# the speeds in windows.png.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export CGO_ENABLED=0
go build -o "$dir/zipar" ./cmd/zipar
images=$PWD/docs/images
mkdir -p "$images"
cd "$dir"
# Of scripts/train/prompts.txt: six things that training has seen, six compositions that it has not.
printf '%s\n' "a red apple" "a cat" "a guitar" "a castle" "a sailboat" "a robot" "a blue strawberry" "a purple car" \
	"a penguin on a yellow background" "a rose on a blue background" "a rocket on a purple background" "three butterflies" >prompts.txt
zipar() { ./zipar "$@" -m builtin; }
zipar generate --prompt-file prompts.txt --seed 1 --out "prompts-%02d.png" --contact-sheet "$images/prompts.png"
zipar generate --prompt "a castle" --seed 12 --out castle.png --animate "$images/wavefront.gif"
zipar generate --prompt "a castle" --seed 7 --window 3 --adaptive --out adaptive.png --step-map "$images/step-map.png"
zipar generate --prompt "a robot" --seed 1 -b 6 --out "sheet-%d.png" --contact-sheet "$images/contact-sheet.png"
zipar bench --prompt-file prompts.txt --seed 1 --window 1,2,3,4,6,8 --adaptive -r 2 --plot "$images/windows.png" >/dev/null
zipar bench --prompt-file prompts.txt --seed 1 --window 2,4,8 --attention "$images/attention.png" >/dev/null

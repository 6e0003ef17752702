#!/usr/bin/env bash
# Checks the arm64 kernels on any Linux machine. GNU's assembler confirms every instruction that is written as a word; then tests run
# under qemu, on a processor with dot products (max) and on one without (cortex-a53), and pictures are compared with this machine's.
#
# Needs qemu-user and the binutils of aarch64, on Debian the packages qemu-user-static and binutils-aarch64-linux-gnu.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() {
	echo "scripts/arm64.sh: $1 is missing; on Debian: apt-get install qemu-user-static binutils-aarch64-linux-gnu" >&2
	exit 1
}
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || missing "qemu-aarch64-static (or qemu-aarch64)"
for tool in as objcopy; do
	command -v aarch64-linux-gnu-$tool >/dev/null || missing aarch64-linux-gnu-$tool
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== the words of the assembly are the instructions beside them"
sed -nE 's/^\tWORD \$0x([0-9a-f]{8}) \/\/ (.*)$/\1 \2/p' internal/tensor/*_arm64.s | sort -u >"$work/words"
if bare=$(grep -hE 'WORD|LONG|BYTE' internal/tensor/*_arm64.s | grep -vE '^	WORD \$0x[0-9a-f]{8} // .'); then
	printf 'scripts/arm64.sh: words in internal/tensor/*_arm64.s without an instruction beside them:\n%s\n' "$bare" >&2
	exit 1
fi
cut -d' ' -f2- "$work/words" >"$work/words.s"
aarch64-linux-gnu-as -march=armv8.2-a+dotprod -o "$work/words.o" "$work/words.s"
aarch64-linux-gnu-objcopy -O binary -j .text "$work/words.o" "$work/words.bin"
od -An -v -tx4 -w4 --endian=little "$work/words.bin" | tr -d ' ' | paste -d' ' - "$work/words" >"$work/both"
awk '$1 != $2 { print "the word " $2 " should be " $1 ":" substr($0, 18); bad = 1 }
	END { print NR " different instructions"; exit bad || NR < 1000 }' "$work/both"

export CGO_ENABLED=0
echo "== pictures have the same bytes here and emulated"
go build -o "$work/native" ./cmd/zipar
GOOS=linux GOARCH=arm64 go build -o "$work/arm64" ./cmd/zipar
go run ./internal/testmodel/tinymodel -out "$work/f32.gguf"
"$work/native" quantize "$work/f32.gguf" "$work/q8_0.gguf" q8_0
"$work/native" version
if "$work/native" version | grep -q generic; then
	echo "this machine has no kernels in assembly: nothing to compare with"
else
	for model in f32 q8_0; do
		draw() { # NAME COMMAND...
			"${@:2}" generate -m "$work/$model.gguf" --class 3 --seed 1 --window 2 --disable-image-metadata --out "$work/$1.png"
		}
		draw native "$work/native"
		for level in neon dotprod; do
			ZIPAR_CPU=$level draw $level "$qemu" -cpu max "$work/arm64"
			cmp "$work/native.png" "$work/$level.png"
			echo "$model: $level agrees"
		done
	done
fi

export GOOS=linux GOARCH=arm64
go vet ./internal/tensor

on() { # PROCESSOR ARGUMENTS OF GO TEST...
	echo "== $1: ${*:2}"
	go test -count=1 -timeout 1h -exec "$qemu -cpu $1" "${@:2}"
}
# qemu does not say at which address a bus error was, without which Go takes it for a nil pointer.
on max -skip 'TestPoolPassesFaultsOnAndWorksAgain|TestFaultsInKernelsPanic' ./internal/tensor
on max ./internal/llama
on max -run TestEqualsTheOfficialCode ./internal/vqgan ./internal/family
# The first processor of 64 bits: what neon may not exceed.
on cortex-a53 -run 'Select|Levels|Types|Nibble|Vector|Rotate|Fetch|Channel|Halves|Quantize|Attention|Read|Peaks|^Fuzz' ./internal/tensor

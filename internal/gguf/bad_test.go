package gguf

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zipar/zipar/internal/ggml"
)

var update = flag.Bool("update", false, "write testdata/bad and the seeds of the fuzz test anew")

// badFiles are damaged files and files that are something else, kept in testdata/bad. The error names what is wrong, where,
// and the limit.
var badFiles = []struct {
	name string
	file *raw
	want []string // parts of the error message
}{
	// Something else.
	{"empty", &raw{}, []string{"the file is empty"}},
	{"html", (&raw{}).text("\n <!DOCTYPE html>\n<html><body>Sign in</body></html>"), []string{"HTML page", "download"}},
	{"html-bare", (&raw{}).text("<HTML><BODY>404</BODY></HTML>"), []string{"HTML page"}},
	{"html-bom", (&raw{}).text("\xef\xbb\xbf<html>"), []string{"HTML page"}},
	{"xml", (&raw{}).text("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"), []string{"XML text"}},
	{"json", (&raw{}).text(`{"error": "not found"}`), []string{"JSON text"}},
	{"git-lfs", (&raw{}).text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"), []string{"git-LFS pointer", "git lfs pull"}},
	{"pytorch", (&raw{}).text("PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00").data(0).text("c2i_B_256/data.pklFB").data(8),
		[]string{"this is a PyTorch checkpoint: run zipar convert first"}},
	{"pytorch-old", (&raw{}).text("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."), []string{"PyTorch checkpoint of the old kind"}},
	{"zip", (&raw{}).text("PK\x03\x04\x14\x00\x00\x00\x00\x00photo.jpg"), []string{"zip archive", "zipar convert"}},
	{"safetensors", (&raw{}).u64(60).text(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}      `).u32(0), []string{"safetensors file", "GGUF"}},
	{"png", (&raw{}).text("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), []string{"PNG image"}},
	{"jpeg", (&raw{}).text("\xff\xd8\xff\xe0\x00\x10JFIF"), []string{"JPEG image"}},
	{"gzip", (&raw{}).text("\x1f\x8b\x08\x00\x00\x00\x00\x00"), []string{"gzip", "unpack"}},
	{"zstd", (&raw{}).text("\x28\xb5\x2f\xfd\x04\x00"), []string{"zstd", "unpack"}},
	{"npy", (&raw{}).text("\x93NUMPY\x01\x00"), []string{"NumPy array"}},
	{"ggml-old", (&raw{}).text("tjgg\x03\x00\x00\x00"), []string{"GGML file from before GGUF"}},
	{"zeros", (&raw{}).u64(0), []string{"not a GGUF file", `"\x00\x00\x00\x00"`, `want "GGUF"`}},
	{"magic-cut", (&raw{}).text("GGU"), []string{"not a GGUF file", `"GGU"`}},

	// Header.
	{"version-0", (&raw{}).text(magic).u32(0).u64(0).u64(0), []string{"GGUF version 0", "only 2 and 3", "(offset 4)"}},
	{"version-1", (&raw{}).text(magic).u32(1).u32(0).u32(0), []string{"GGUF version 1", "only 2 and 3"}},
	{"version-4", (&raw{}).text(magic).u32(4).u64(0).u64(0), []string{"GGUF version 4", "only 2 and 3"}},
	{"big-endian", (&raw{}).text(magic).text("\x00\x00\x00\x03").u64(0).u64(0), []string{"big-endian", "(offset 4)"}},
	{"magic-alone", (&raw{}).text(magic), []string{"needs 4 bytes at offset 4, file has 0 left"}},
	{"header-cut-version", (&raw{}).text(magic).u8(3).u8(0), []string{"needs 4 bytes at offset 4, file has 2 left"}},
	{"header-cut-tensors", (&raw{}).text(magic).u32(3).u32(0), []string{"needs 8 bytes at offset 8, file has 4 left"}},
	{"header-cut-keys", (&raw{}).text(magic).u32(3).u64(0).u32(0), []string{"needs 8 bytes at offset 16, file has 4 left"}},
	{"too-many-keys", header(0, 1<<16+1), []string{"65537 keys, limit is 65536", "(offset 16)"}},
	{"too-many-tensors", header(math.MaxUint64, 0), []string{"18446744073709551615 tensors, limit is 65536", "(offset 8)"}},
	{"counts-beyond-file", header(2, 3).data(20), []string{"2 tensors and 3 keys: needs 108 bytes at offset 24, file has 28 left"}},

	// Keys.
	{"key-empty", header(0, 1).key("", TypeUint64).u64(1), []string{"key 1 of 1: name of 0 bytes, want 1 to 65535", "(offset 24)"}},
	{"key-too-long", header(0, 1).u64(1 << 16).data(16), []string{"key 1 of 1: name of 65536 bytes, want 1 to 65535"}},
	{"key-huge", header(0, 1).u64(math.MaxUint64).data(16), []string{"key 1 of 1: name of 18446744073709551615 bytes"}},
	{"key-cut", header(0, 1).u64(100).data(16), []string{"key 1 of 1: needs 100 bytes at offset 32, file has 16 left"}},
	{"key-length-cut", header(0, 2).key("abcd", TypeUint64).u64(1).u32(4), []string{"key 2 of 2: needs 8 bytes at offset 48, file has 4 left"}},
	{"key-not-utf8", header(0, 1).key("a\xff", TypeUint32).u32(1), []string{`key 1 of 1: name "a\xff" is not UTF-8`, "(offset 32)"}},
	{"key-twice", header(0, 2).key("a.b", TypeUint8).u8(1).key("a.b", TypeUint8).u8(2), []string{`key "a.b": occurs twice`, "(offset 40)"}},
	{"type-unknown", header(0, 1).key("a", 13).u32(0), []string{`key "a": unknown value type 13, want 0 to 12`, "(offset 33)"}},
	{"type-cut", header(0, 1).str("abcdef").u8(4), []string{`key "abcdef": needs 4 bytes at offset 38, file has 1 left`}},
	{"value-cut", header(0, 1).key("a", TypeUint64).u32(1), []string{`key "a": needs 8 bytes at offset 37, file has 4 left`}},
	{"string-cut", header(0, 1).key("a", TypeString).u64(10).text("abc"), []string{`key "a": needs 10 bytes at offset 45, file has 3 left`}},
	{"string-huge", header(0, 1).key("a", TypeString).u64(math.MaxUint64 - 7).text("abc"), []string{`key "a": needs 18446744073709551608 bytes at offset 45`}},
	{"bool-cut", header(0, 1).key("ab", TypeBool), []string{`key "ab": needs 1 bytes at offset 38, file has 0 left`}},
	{"bool-2", header(0, 1).key("a", TypeBool).u8(2), []string{`key "a": bool is 2, want 0 or 1`, "(offset 37)"}},

	// Arrays.
	{"array-cut", header(0, 1).key("a", TypeArray).u32(uint32(TypeUint8)).u32(0), []string{`key "a": needs 8 bytes at offset 41, file has 4 left`}},
	{"array-type-cut", header(0, 1).key("a", TypeArray).u8(1), []string{`key "a": needs 4 bytes at offset 37, file has 1 left`}},
	{"array-type-unknown", header(0, 1).key("a", TypeArray).array(99, 1).u8(1), []string{`key "a": array of unknown value type 99, want 0 to 12`, "(offset 37)"}},
	{"array-too-long", header(0, 1).key("a", TypeArray).array(TypeFloat64, 3).u64(0).u64(0), []string{`key "a": array of 3 f64, at least 8 bytes each, file has 16 left`, "(offset 49)"}},
	{"array-huge", header(0, 1).key("a", TypeArray).array(TypeUint64, 1<<61+1).u64(0), []string{`key "a": array of 2305843009213693953 u64, at least 8 bytes each, file has 8 left`}},
	{"array-of-strings-too-long", header(0, 1).key("a", TypeArray).array(TypeString, 1000).u64(0), []string{`key "a": array of 1000 string, at least 8 bytes each, file has 8 left`}},
	{"array-of-arrays-too-long", header(0, 1).key("a", TypeArray).array(TypeArray, 1<<60).u64(0), []string{`key "a": array of 1152921504606846976 array, at least 12 bytes each`}},
	{"array-string-cut", header(0, 1).key("a", TypeArray).array(TypeString, 2).u64(5).text("abcdefgh"), []string{`key "a": needs 8 bytes at offset 62, file has 3 left`}},
	{"array-string-length", header(0, 1).key("a", TypeArray).array(TypeString, 1).u64(9).text("abcdefgh"), []string{`key "a": needs 9 bytes at offset 57, file has 8 left`}},
	{"array-bool-3", header(0, 1).key("a", TypeArray).array(TypeBool, 3).u8(0).u8(1).u8(3), []string{`key "a": bool is 3, want 0 or 1`, "(offset 51)"}},
	{"array-bool-cut", header(0, 1).key("a", TypeArray).array(TypeBool, 3).u8(0).u8(1), []string{`key "a": array of 3 bool, at least 1 bytes each, file has 2 left`}},
	{"array-too-deep", header(0, 1).key("a", TypeArray).array(TypeArray, 1).array(TypeArray, 1).array(TypeArray, 1).array(TypeArray, 1).array(TypeUint8, 1).u8(1),
		[]string{`key "a": arrays nested deeper than 4`, "(offset 85)"}},
	{"array-inner-unknown", header(0, 1).key("a", TypeArray).array(TypeArray, 1).array(1000, 1).u8(1), []string{`key "a": array of unknown value type 1000`, "(offset 49)"}},

	// Alignment.
	{"alignment-0", header(0, 1).key(alignmentKey, TypeUint32).u32(0), []string{`key "general.alignment": 0 is not a power of two`, "(offset 53)"}},
	{"alignment-48", header(0, 1).key(alignmentKey, TypeUint32).u32(48), []string{`key "general.alignment": 48 is not a power of two`}},
	{"alignment-2m", header(0, 1).key(alignmentKey, TypeUint32).u32(2 << 20), []string{`key "general.alignment": 2097152, limit is 1048576`}},
	{"alignment-u64", header(0, 1).key(alignmentKey, TypeUint64).u64(32), []string{`key "general.alignment": has type u64, want u32`}},
	{"alignment-string", header(0, 1).key(alignmentKey, TypeString).str("32"), []string{`key "general.alignment": has type string, want u32`}},

	// Tensor descriptions.
	{"tensor-empty-name", header(1, 0).tensor("", ggml.F32, 0, 1).data(4), []string{"tensor 1 of 1: name of 0 bytes, want 1 to 65535"}},
	{"tensor-not-utf8", header(1, 0).tensor("\xc3\x28", ggml.F32, 0, 1).data(4), []string{`tensor 1 of 1: name "\xc3(" is not UTF-8`}},
	{"tensor-twice", header(2, 0).tensor("w", ggml.F32, 0, 1).tensor("w", ggml.F32, 32, 1).data(64), []string{`tensor "w": occurs twice`, "(offset 57)"}},
	{"tensor-cut-name", header(1, 0).u64(40).data(32), []string{"tensor 1 of 1: needs 40 bytes at offset 32, file has 32 left"}},
	{"tensor-cut-dims", header(1, 0).str("w").u32(4).u64(1).u64(1).u32(0), []string{`tensor "w": needs 8 bytes at offset 53, file has 4 left`}},
	{"tensor-cut-type", header(1, 0).str("abcdefghijklmno").u32(1).u64(1).u8(0), []string{`tensor "abcdefghijklmno": needs 4 bytes at offset 59, file has 1 left`}},
	{"tensor-cut-offset", header(1, 0).str("abcdefghijklmno").u32(1).u64(1).u32(0).u8(0), []string{`tensor "abcdefghijklmno": needs 8 bytes at offset 63, file has 1 left`}},
	{"dims-none", header(1, 0).tensor("w", ggml.F32, 0).data(16), []string{`tensor "w": 0 dimensions, want 1 to 4`, "(offset 33)"}},
	{"dims-5", header(1, 0).tensor("w", ggml.F32, 0, 1, 1, 1, 1, 1).data(4), []string{`tensor "w": 5 dimensions, want 1 to 4`}},
	{"dims-huge", header(1, 0).str("w").u32(math.MaxUint32).data(20), []string{`tensor "w": 4294967295 dimensions, want 1 to 4`}},
	{"dim-zero", header(1, 0).tensor("w", ggml.F32, 0, 4, 0).data(16), []string{`tensor "w": dimension 1 is 0`}},
	{"tensor-type-unknown", header(1, 0).tensor("w", 17, 0, 256).data(256), []string{`tensor "w": unknown element type 17, supported are F32, F16`, "BF16", "(offset 33)"}},
	{"row-no-multiple", header(1, 0).tensor("w", ggml.Q8_0, 0, 40, 4).data(340), []string{`tensor "w": row length 40 is not a multiple of 32, the block length of Q8_0`}},
	{"row-no-multiple-k", header(1, 0).tensor("w", ggml.Q6_K, 0, 128, 2).data(210), []string{`tensor "w": row length 128 is not a multiple of 256, the block length of Q6_K`}},
	{"elements-overflow", header(1, 0).tensor("w", ggml.F32, 0, 1<<33, 1<<33).data(4), []string{`tensor "w": dimensions [8589934592 8589934592]: more than 9223372036854775807 elements`}},
	{"bytes-overflow", header(1, 0).tensor("w", ggml.F32, 0, 1<<62).data(4), []string{`tensor "w": dimensions [4611686018427387904] of F32: more than 9223372036854775807 bytes`}},

	// Tensor data.
	{"data-unaligned", header(1, 0).tensor("w", ggml.F32, 4, 1).data(8), []string{`tensor "w": data offset 4 is not a multiple of 32, the alignment`, "(offset 49)"}},
	{"data-unaligned-64", header(1, 1).key(alignmentKey, TypeUint32).u32(64).tensor("w", ggml.F32, 32, 1).data(100), []string{`tensor "w": data offset 32 is not a multiple of 64`}},
	{"data-cut", header(1, 0).tensor("w", ggml.F32, 0, 3).data(11), []string{`tensor "w": needs 12 bytes at offset 64, file has 11 left`}},
	{"data-missing", header(1, 0).tensor("w", ggml.F32, 0, 3), []string{`tensor "w": needs 12 bytes at offset 64, file has 0 left`}},
	{"data-beyond", header(1, 0).tensor("w", ggml.F32, 1<<40, 3).data(64), []string{`tensor "w": needs 12 bytes at offset 1099511627840, file has 0 left`}},
	{"data-offset-huge", header(1, 0).tensor("w", ggml.F32, math.MaxUint64-31, 3).data(64), []string{`tensor "w": needs 12 bytes at offset 9223372036854775807, file has 0 left`}},
	{"data-size-huge", header(1, 0).tensor("w", ggml.F16, 0, 1<<61).data(64), []string{`tensor "w": needs 4611686018427387904 bytes at offset 64, file has 64 left`}},
	{"data-overlap", header(2, 0).tensor("a", ggml.F32, 32, 2).tensor("b", ggml.F32, 0, 9).data(64), []string{`tensor "a": data at offset 128 overlaps that of tensor "b", which ends at offset 132`}},
	{"data-same", header(2, 0).tensor("a", ggml.F32, 0, 1).tensor("b", ggml.F32, 0, 1).data(64), []string{`tensor "b": data at offset 96 overlaps that of tensor "a"`}},
}

// TestBadFiles opens every file in testdata/bad. With -update it writes them first.
func TestBadFiles(t *testing.T) {
	const dir = "testdata/bad"
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, tt := range badFiles {
			if err := os.WriteFile(filepath.Join(dir, tt.name+".gguf"), tt.file.b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, tt := range badFiles {
		if known[tt.name+".gguf"] {
			t.Errorf("%s is in the table twice", tt.name)
		}
		known[tt.name+".gguf"] = true
	}
	for _, file := range files {
		if !known[file.Name()] {
			t.Errorf("%s/%s is not in the table", dir, file.Name())
		}
	}
	for _, tt := range badFiles {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.name+".gguf")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, tt.file.b) {
				t.Errorf("%s is not what the table says: run go test -update", path)
			}
			_, err = Open(path)
			checkBad(t, err, path, tt.want)
			_, err = Parse("memory", data)
			checkBad(t, err, "memory", tt.want)
		})
	}
}

// checkBad wants a *FormatError on one line that starts with the path and contains the parts.
func checkBad(t *testing.T, err error, path string, parts []string) {
	t.Helper()
	var format *FormatError
	if !errors.As(err, &format) {
		t.Fatalf("error %v (%T), want a *FormatError", err, err)
	}
	msg := err.Error()
	if !strings.HasPrefix(msg, "gguf: "+path+": ") || strings.Contains(msg, "\n") || len(msg) > 400 {
		t.Errorf("message: %s", msg)
	}
	for _, part := range parts {
		if !strings.Contains(msg, part) {
			t.Errorf("message: %s\nlacks:   %s", msg, part)
		}
	}
	if format.Path != path || format.Offset < 0 {
		t.Errorf("path %q, offset %d", format.Path, format.Offset)
	}
	if format.Key != "" && !strings.Contains(msg, "key ") || format.Tensor != "" && !strings.Contains(msg, "tensor ") {
		t.Errorf("message %s, key %q, tensor %q", msg, format.Key, format.Tensor)
	}
}

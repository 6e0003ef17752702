// What a file that is not GGUF seems to be: a download that went wrong and a checkpoint that was not converted are the
// common mistakes, and each wants another remedy.

package gguf

import (
	"bytes"
	"encoding/binary"
)

// signatures of files that people pass by mistake.
var signatures = []struct{ prefix, what string }{
	{"PK\x03\x04", "this is a zip archive, perhaps a PyTorch checkpoint: run zipar convert first"},
	{"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "this is a PyTorch checkpoint of the old kind (before 1.6): save it anew, then run zipar convert"},
	{"version https://git-lfs.github.com/spec/", "this is a git-LFS pointer, not the file itself: run git lfs pull"},
	{"\x89PNG\r\n\x1a\n", "this is a PNG image"},
	{"\xff\xd8\xff", "this is a JPEG image"},
	{"\x1f\x8b", "this is a gzip archive: unpack it first"},
	{"\x28\xb5\x2f\xfd", "this is a zstd archive: unpack it first"},
	{"\x93NUMPY", "this is a NumPy array"},
	{"lmgg", "this is a GGML file from before GGUF: get a GGUF version of the model"},
	{"fmgg", "this is a GGML file from before GGUF: get a GGUF version of the model"},
	{"tjgg", "this is a GGML file from before GGUF: get a GGUF version of the model"},
}

// texts are beginnings in lower case, without white space before them.
var texts = []struct{ prefix, what string }{
	{"<!doctype html", "this is an HTML page, not the file itself: the download went wrong"},
	{"<html", "this is an HTML page, not the file itself: the download went wrong"},
	{"<head", "this is an HTML page, not the file itself: the download went wrong"},
	{"<?xml", "this is an XML text, perhaps the error message of a download"},
	{"{", "this is a JSON text, perhaps the error message of a download"},
}

// sniff says what data is, given that it does not start with the magic.
func sniff(data []byte) string {
	if len(data) == 0 {
		return "the file is empty"
	}
	head := data[:min(len(data), 1024)]
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.prefix)) {
			// torch.save puts the pickle first, as NAME/data.pkl.
			if s.prefix == "PK\x03\x04" && bytes.Contains(head, []byte("/data.pkl")) {
				return "this is a PyTorch checkpoint: run zipar convert first"
			}
			return s.what
		}
	}
	// Safetensors: the length of a JSON object, then the object.
	if len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 1<<32 {
		return "this is a safetensors file: only GGUF can be read"
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	for _, t := range texts {
		if bytes.HasPrefix(text, []byte(t.prefix)) {
			return t.what
		}
	}
	return "this is not a GGUF file: it starts with " + quoteBytes(head[:min(len(head), 4)]) + `, want "GGUF"`
}

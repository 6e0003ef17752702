package safetensors

import (
	"bytes"
	"fmt"
)

// sniff returns "" for what may be a safetensors file, else what the file is: most often a download that went wrong.
func sniff(data []byte) string {
	if len(data) == 0 {
		return "the file is empty"
	}
	head := data[:min(len(data), 512)]
	has := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	text := bytes.ToLower(bytes.TrimLeft(head, " \t\r\n"))
	switch {
	case len(data) >= 10 && head[8] == '{':
		return ""
	case has("version https://git-lfs"):
		return fmt.Sprintf("it is a git-LFS pointer of %d bytes, not the file itself; run git lfs pull", len(data))
	case bytes.HasPrefix(text, []byte("<!doctype")), bytes.HasPrefix(text, []byte("<html")), bytes.HasPrefix(text, []byte("<?xml")):
		return "it is a web page, not the file itself: the download went wrong"
	case has("GGUF"):
		return "it is a GGUF file"
	case has("PK\x03\x04"):
		return "it is a zip, perhaps a checkpoint of PyTorch"
	}
	return fmt.Sprintf("it is no safetensors file: it starts with %q", head[:min(len(head), 8)])
}

package torchfile

// Telling a checkpoint from the other files that people have at hand, by their first bytes.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const sniffLen = 512

// legacyMagic is how torch.save began a file before 1.6: a pickle of the number 0x1950a86a20f9469cfc6c.
var legacyMagic = []byte("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")

const resave = "load it with PyTorch 1.6 or later and torch.save its state_dict again"

// sniff returns nil for a zip, else an error that says what the file is.
func sniff(r io.ReaderAt, size int64) error {
	if size == 0 {
		return errors.New("the file is empty")
	}
	head := make([]byte, min(size, sniffLen))
	if err := readAt(r, head, 0); err != nil {
		return err
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	has := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	switch {
	case has("PK\x03\x04"), has("PK\x05\x06"):
		return nil
	case has("GGUF"):
		return errors.New("it is a GGUF file already; give it to generate, not to convert")
	case len(head) > 14 && head[0] == 0x80 && bytes.HasPrefix(head[2:], legacyMagic):
		return errors.New("it was saved in the format before PyTorch 1.6; " + resave)
	case len(head) > 2 && head[0] == 0x80 && head[1] <= 5:
		return errors.New("it is a bare Python pickle, not a file of torch.save; " + resave)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return errors.New("it is a tar, the format of very old PyTorch or a packed folder; unpack it, or " + resave)
	case isSafetensors(head, size):
		return errors.New("it is a safetensors file; load it in Python and torch.save the dict of tensors")
	case bytes.HasPrefix(text, []byte("<!doctype")), bytes.HasPrefix(text, []byte("<html")), bytes.HasPrefix(text, []byte("<?xml")):
		return errors.New("it is a web page, not a checkpoint: the download went wrong")
	case has("version https://git-lfs"):
		return fmt.Errorf("it is a git-LFS pointer of %d bytes, not the checkpoint itself; run git lfs pull", size)
	case has("\x1f\x8b"):
		return errors.New("it is packed with gzip; unpack it first")
	case has("\x93NUMPY"):
		return errors.New("it is a NumPy array, not a checkpoint")
	case has("\x89HDF"):
		return errors.New("it is an HDF5 file, not a checkpoint of PyTorch")
	}
	return fmt.Errorf("it is no checkpoint of torch.save (a zip): it starts with %q", head[:min(len(head), 8)])
}

// isSafetensors: a u64 header length, then a JSON object.
func isSafetensors(head []byte, size int64) bool {
	return len(head) > 9 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= uint64(size-8)
}

package torchfile

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSniff(t *testing.T) {
	tar := make([]byte, 1024)
	copy(tar, "checkpoint/")
	copy(tar[257:], "ustar\x0000")
	for _, c := range []struct {
		name, data, want string
	}{
		{"empty", "", "the file is empty"},
		{"gguf", "GGUF\x03\x00\x00\x00", "it is a GGUF file already"},
		{"legacy", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02", "before PyTorch 1.6"},
		{"pickle", "\x80\x04\x95\x00\x00", "bare Python pickle"},
		{"tar", string(tar), "it is a tar"},
		{"safetensors", "\x10\x00\x00\x00\x00\x00\x00\x00{\"a\":{}         }", "it is a safetensors file"},
		{"html", "\xef\xbb\xbf \n<!DOCTYPE html><html>", "it is a web page"},
		{"html without doctype", "<HTML lang=en>", "it is a web page"},
		{"xml", "<?xml version=\"1.0\"?><Error>", "it is a web page"},
		{"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:", "git-LFS pointer of 54 bytes"},
		{"gzip", "\x1f\x8b\x08", "packed with gzip"},
		{"npy", "\x93NUMPY\x01\x00", "a NumPy array"},
		{"hdf5", "\x89HDF\r\n", "HDF5"},
		{"text", "hello, world", `it starts with "hello, w"`},
		{"one byte", "x", `it starts with "x"`},
		{"cut off", "PK\x03\x04 and then nothing more", "cut off or damaged"},
	} {
		_, err := New(c.name, strings.NewReader(c.data), int64(len(c.data)))
		wantFormatError(t, err, "torchfile: "+c.name+": ", c.want)
	}
	broken := errors.New("broken disk")
	_, err := New("x", readerAt{broken}, 100)
	wantFormatError(t, err, "broken disk")
	_, err = New("x", bytes.NewReader(nil), 100)
	wantFormatError(t, err, "the file ends early")
}

type readerAt struct{ err error }

func (r readerAt) ReadAt(p []byte, _ int64) (int, error) { return iotest.ErrReader(r.err).Read(p) }

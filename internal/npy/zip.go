package npy

// .npz archives: a zip (stored or deflated) of .npy files.

import (
	"archive/zip"
	"bufio"
	"fmt"
	"os"
	"strings"
)

// maxDeflate is the most that deflate can shrink: a stated size beyond it is a lie, found before it is allocated.
const maxDeflate = 1032

// OpenZip reads every array of the .npz file path, by name without ".npy". Entries of another kind are an error.
func OpenZip(path string) (map[string]*Array, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("%s: npz: %w", path, err)
	}
	defer z.Close()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	arrays := make(map[string]*Array)
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("%s: npz: entry %q is no .npy file", path, f.Name)
		}
		if arrays[name] != nil {
			return nil, fmt.Errorf("%s: npz: entry %q stands twice", path, f.Name)
		}
		a, err := readEntry(f, uint64(info.Size()))
		if err != nil {
			return nil, fmt.Errorf("%s: npz: entry %q: %w", path, f.Name, err)
		}
		arrays[name] = a
	}
	return arrays, nil
}

// readEntry reads one entry of an archive of fileSize bytes.
func readEntry(f *zip.File, fileSize uint64) (*Array, error) {
	if f.CompressedSize64 > fileSize {
		return nil, fmt.Errorf("it states %d bytes, the archive has %d", f.CompressedSize64, fileSize)
	}
	if f.UncompressedSize64/maxDeflate > f.CompressedSize64 {
		return nil, fmt.Errorf("it states %d bytes from %d compressed ones", f.UncompressedSize64, f.CompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return Read(bufio.NewReaderSize(r, chunk), int64(f.UncompressedSize64))
}

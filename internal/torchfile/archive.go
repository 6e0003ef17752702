package torchfile

// The zip around a checkpoint: where its entries lie. Nothing of a storage is read here.

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxPickle bounds data.pkl: the largest official checkpoints, with optimizer state, stay below 2 MB.
const maxPickle = 64 << 20

// record is one stored entry: size bytes at offset of the file.
type record struct {
	name         string
	offset, size int64
}

// archive finds records by their name below the checkpoint's folder: "data.pkl", "data/0".
type archive struct {
	r       io.ReaderAt
	records map[string]record
}

// openArchive reads the zip's directory. Every record lies within the file, and no two of them overlap.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, errors.New("it starts like a checkpoint, but the zip directory at its end is missing: the file is cut off or damaged")
	}
	if err != nil {
		return nil, fmt.Errorf("zip directory: %w", err)
	}
	root, err := findRoot(z)
	if err != nil {
		return nil, err
	}
	a := &archive{r: r, records: make(map[string]record)}
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, root)
		if !ok || strings.HasSuffix(name, "/") {
			continue
		}
		if _, twice := a.records[name]; twice {
			return nil, fmt.Errorf("entry %q stands twice", f.Name)
		}
		rec, err := locate(f, size)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", f.Name, err)
		}
		a.records[name] = rec
	}
	if err := a.checkOverlap(); err != nil {
		return nil, err
	}
	return a, a.checkByteOrder()
}

// findRoot finds the folder that holds data.pkl, with its slash.
func findRoot(z *zip.Reader) (string, error) {
	var roots []string
	script, arrays := false, false
	for _, f := range z.File {
		if root, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && (root == "" || strings.HasSuffix(root, "/")) {
			roots = append(roots, root)
		}
		script = script || strings.HasSuffix(f.Name, "/constants.pkl")
		arrays = arrays || strings.HasSuffix(f.Name, ".npy")
	}
	switch {
	case script:
		return "", errors.New("it is a TorchScript program (torch.jit.save), which holds code; save model.state_dict() with torch.save")
	case len(roots) == 1:
		return roots[0], nil
	case len(roots) > 1:
		return "", fmt.Errorf("it holds %d pickles (%q, %q), a checkpoint has one", len(roots), roots[0]+"data.pkl", roots[1]+"data.pkl")
	case arrays:
		return "", errors.New("it is an .npz archive of NumPy arrays, not a checkpoint")
	}
	return "", errors.New("it is a zip without data.pkl: not a file of torch.save")
}

// locate checks that an entry is stored as it is and lies within the file.
func locate(f *zip.File, size int64) (record, error) {
	switch {
	case f.Flags&1 != 0:
		return record{}, errors.New("it is encrypted")
	case f.Method != zip.Store:
		return record{}, fmt.Errorf("it is compressed (zip method %d); torch.save only stores: the file was packed again by something else", f.Method)
	case f.CompressedSize64 != f.UncompressedSize64:
		return record{}, fmt.Errorf("it is stored, yet its sizes differ: %d and %d bytes", f.CompressedSize64, f.UncompressedSize64)
	}
	offset, err := f.DataOffset()
	if err != nil {
		return record{}, fmt.Errorf("local header: %w", err)
	}
	if offset < 0 || offset > size || f.UncompressedSize64 > uint64(size-offset) {
		return record{}, fmt.Errorf("needs %d bytes at offset %d, the file has %d bytes", f.UncompressedSize64, offset, size)
	}
	return record{name: f.Name, offset: offset, size: int64(f.UncompressedSize64)}, nil
}

// checkOverlap refuses a directory in which bytes belong to two entries: a small file could pose as a large one.
func (a *archive) checkOverlap() error {
	all := make([]record, 0, len(a.records))
	for _, rec := range a.records {
		if rec.size > 0 {
			all = append(all, rec)
		}
	}
	slices.SortFunc(all, func(x, y record) int {
		return cmp.Or(cmp.Compare(x.offset, y.offset), cmp.Compare(x.name, y.name))
	})
	for i := 1; i < len(all); i++ {
		if prev, this := all[i-1], all[i]; this.offset-prev.offset < prev.size {
			return fmt.Errorf("entries %q and %q overlap", prev.name, this.name)
		}
	}
	return nil
}

// checkByteOrder wants "little" where the file says anything.
func (a *archive) checkByteOrder() error {
	rec, ok := a.records["byteorder"]
	if !ok {
		return nil
	}
	text := make([]byte, min(rec.size, 16))
	if err := readAt(a.r, text, rec.offset); err != nil {
		return err
	}
	if order := strings.TrimSpace(string(text)); order != "little" {
		return fmt.Errorf("its byte order is %q, only \"little\" is read", order)
	}
	return nil
}

// pickle reads data.pkl.
func (a *archive) pickle() ([]byte, error) {
	rec := a.records["data.pkl"]
	if rec.size > maxPickle {
		return nil, fmt.Errorf("data.pkl has %d bytes, the limit is %d", rec.size, maxPickle)
	}
	data := make([]byte, rec.size)
	if err := readAt(a.r, data, rec.offset); err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	return data, nil
}

// readAt fills p from offset. All offsets were checked when the file was opened, so a short read means that the file
// has shrunk since.
func readAt(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		return fmt.Errorf("the file ends early: %d bytes wanted at offset %d, got %d; it changed while it was read", len(p), offset, n)
	}
	return err
}

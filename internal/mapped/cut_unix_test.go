//go:build unix

package mapped

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// Elsewhere the system refuses to cut a file that is mapped.
func TestGuardNamesTheFileThatWasCut(t *testing.T) {
	const size = 1 << 20
	other, path := mapFile(t, create(t, size)), create(t, size)
	d := mapFile(t, path)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(){
		"a load":           func() { sink = d[size/2] },
		"a copy":           func() { copy(make([]byte, size), d) },
		"within a closure": func() { func() { defer func() {}(); sink = d[1] }() },
	} {
		checkCut(t, name, path, read)
	}
	checkCut(t, "unmapped on the way", path, func() { defer d.Unmap(); sink = d[size-1] })
	if err := Guard(func() error { sink = other[size/2]; return nil }); err != nil {
		t.Errorf("the file that was not cut: %v", err)
	}
}

var sink byte

func checkCut(t *testing.T, name, path string, read func()) {
	t.Helper()
	err := Guard(func() error { read(); return nil })
	var cut *Error
	if !errors.As(err, &cut) || cut.Path != path || !strings.Contains(err.Error(), "cut while it was in use") {
		t.Errorf("%s: %v", name, err)
	}
}

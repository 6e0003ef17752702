package mapped

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/edsrzf/mmap-go"
)

func create(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, size), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func mapFile(t *testing.T, path string) mmap.MMap {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := Map(f, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Unmap() })
	return m
}

func TestGuardReturnsTheErrorOfItsWork(t *testing.T) {
	want := errors.New("no")
	if err := Guard(func() error { return want }); err != want {
		t.Errorf("%v, want %v", err, want)
	}
	if err := Guard(func() error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestGuardLetsOtherPanicsPass(t *testing.T) {
	for _, work := range []func() error{
		func() error { panic("a mistake") },
		func() error { var p *int; *p = 1; return nil },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
			}()
			Guard(work)
		}()
	}
}

func TestMapReads(t *testing.T) {
	if m := mapFile(t, create(t, 10)); len(m) != 10 || m[9] != 0 {
		t.Errorf("bytes %v", m)
	}
}

func TestTheListOfRegionsIsBounded(t *testing.T) {
	path := create(t, 1)
	for range maxRegions + 10 {
		mapFile(t, path)
	}
	if n := len(regions.list); n != maxRegions {
		t.Errorf("%d regions, want %d", n, maxRegions)
	}
}

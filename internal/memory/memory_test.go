package memory

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAvailable(t *testing.T) {
	n, ok := Available()
	if !ok || n < 1<<20 || n > 1<<50 {
		t.Errorf("%d bytes, %v", n, ok)
	}
}

func TestSwap(t *testing.T) {
	if n := Swap(); n > 1<<50 {
		t.Errorf("%d bytes", n)
	}
}

func TestContainerLimitDoesNotCountCachedFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"memory.max": "1000", "memory.current": "900", "memory.stat": "anon 300\nfile 600\ninactive_file 500\nactive_file 50\nactive_anon x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := container(dir, 77); got != 650 {
		t.Errorf("%d, want 650", got)
	}
}

func TestContainerLimit(t *testing.T) {
	for _, c := range []struct {
		limit, used string
		want        uint64
	}{
		{"1000\n", "400\n", 600}, {"1000\n", "1400\n", 0}, {"max\n", "400\n", 77}, {"", "", 77}, {"1000\n", "", 77}, {"x", "1", 77},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"memory.max": c.limit, "memory.current": c.used} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got := container(dir, 77); got != c.want {
			t.Errorf("limit %q, used %q: %d, want %d", c.limit, c.used, got, c.want)
		}
	}
}

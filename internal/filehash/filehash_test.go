package filehash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(-age).Truncate(time.Second)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, c Cache, path string) string {
	t.Helper()
	s, err := c.Sum(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func of(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// A hash is computed once. That the second one comes from the cache shows in
// a file whose content changes while nothing else does.
func TestHashesAreKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	c := At(filepath.Join(dir, "sub", "cache", "hashes.json"))
	write(t, path, "one", time.Hour)
	if _, ok := c.Known(path); ok {
		t.Error("known before it was computed")
	}
	if got := sum(t, c, path); got != of("one") {
		t.Errorf("hash %s", got)
	}
	if got, ok := c.Known(path); !ok || got != of("one") {
		t.Errorf("known as %q, %v", got, ok)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("two"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if got := sum(t, c, path); got != of("one") {
		t.Error("the cache was not used")
	}
	// Another time, size or file under the name is another file.
	write(t, path, "two", 2*time.Hour)
	if got := sum(t, c, path); got != of("two") {
		t.Error("a new time was not seen")
	}
	write(t, path, "three", 2*time.Hour)
	if got := sum(t, c, path); got != of("three") {
		t.Error("a new size was not seen")
	}
	if n := len(c.read()); n != 1 {
		t.Errorf("%d entries for one path", n)
	}
	other := filepath.Join(dir, "other")
	write(t, other, "other", time.Hour)
	if sum(t, c, other) != of("other") || len(c.read()) != 2 {
		t.Error("two files")
	}
}

// A file that has just been written may change within the same tick.
func TestNewFilesAreNotKept(t *testing.T) {
	dir := t.TempDir()
	c, path := At(filepath.Join(dir, "hashes.json")), filepath.Join(dir, "model")
	write(t, path, "one", 0)
	if sum(t, c, path) != of("one") {
		t.Error("wrong hash")
	}
	if _, ok := c.Known(path); ok {
		t.Error("kept")
	}
}

// Without a cache that can be read or written hashes are computed.
func TestTheCacheIsNotNeeded(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	write(t, path, "one", time.Hour)
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Cache{{}, At(folder), At(filepath.Join(path, "hashes.json"))} {
		if got := sum(t, c, path); got != of("one") {
			t.Errorf("%v: %s", c, got)
		}
	}
	for _, text := range []string{"", "{", "null", "[]", `{"files":5}`, `{"files":[{"path":"x","sha256":"zz"},{}]}`, strings.Repeat("[", maxCacheFile+1)} {
		c := At(filepath.Join(dir, "hashes.json"))
		write(t, c.path, text, 0)
		if got := sum(t, c, path); got != of("one") {
			t.Errorf("%.20q: %s", text, got)
		}
		if got := c.read(); len(got) != 1 || got[0].SHA256 != of("one") {
			t.Errorf("%.20q: the cache became %v", text, got)
		}
	}
}

func TestOldEntriesMakeRoom(t *testing.T) {
	dir := t.TempDir()
	c := At(filepath.Join(dir, "hashes.json"))
	for i := range maxEntries + 5 {
		c.keep(entry{Path: fmt.Sprint(i), SHA256: of("x"), Used: int64(i)})
	}
	all := c.read()
	if len(all) != maxEntries || all[0].Path != fmt.Sprint(maxEntries+4) || all[maxEntries-1].Path != "5" {
		t.Errorf("%d entries from %v to %v", len(all), all[0], all[len(all)-1])
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := (Cache{}).Sum(context.Background(), filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := (Cache{}).Sum(context.Background(), dir); err == nil {
		t.Error("the hash of a folder")
	}
	path := filepath.Join(dir, "model")
	write(t, path, "one", time.Hour)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := (Cache{}).Sum(ctx, path); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestUserCache(t *testing.T) {
	if c := User(); c.path != "" && (!filepath.IsAbs(c.path) || filepath.Base(c.path) != "hashes.json") {
		t.Errorf("cache %q", c.path)
	}
}

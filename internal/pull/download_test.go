package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// whole wants the hub's file at path and nothing unfinished beside it.
func whole(t *testing.T, h *fakeHub, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, h.content) {
		t.Fatalf("%d bytes, %v; want the hub's %d", len(got), err, len(h.content))
	}
	if left, _ := filepath.Glob(path + ".part*"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestDownload(t *testing.T) {
	h := newFakeHub(t)
	hub, _ := h.hub(t, "")
	path := filepath.Join(t.TempDir(), "deep", "big.pt")
	var last [2]int64
	if err := hub.Download(t.Context(), big, path, func(done, total int64) { last = [2]int64{done, total} }); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
	if n := int64(len(h.content)); last != [2]int64{n, n} {
		t.Errorf("progress ended with %v", last)
	}
	// A second time it is there.
	gets := h.gets
	if err := hub.Download(t.Context(), big, path, nil); err != nil || h.gets != gets {
		t.Errorf("%v, fetched again: %v", err, h.gets != gets)
	}
	// Until the hub has another one.
	h.content = []byte("new")
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
}

// Broken connections: every try goes on where the last one stopped, even in another run.
func TestResume(t *testing.T) {
	h := newFakeHub(t)
	h.cdn = func(w http.ResponseWriter, r *http.Request, get int) bool { return get < 30 && h.cut(w, r, 2000) }
	hub, waits := h.hub(t, "")
	path := filepath.Join(t.TempDir(), "big.pt")
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
	if len(*waits) != 29 {
		t.Errorf("%d waits, want 29: progress starts the count of tries again", len(*waits))
	}
	for _, r := range h.requests {
		if r.URL.Path == "/cdn" && r.Header.Get("Range") != "" && r.Header.Get("If-Range") != `"cdn-`+shaOf(h.content)[:8]+`"` {
			t.Fatalf("Range %q without the right If-Range: %q", r.Header.Get("Range"), r.Header.Get("If-Range"))
		}
	}
}

func TestResumeInAnotherRun(t *testing.T) {
	h := newFakeHub(t)
	path := filepath.Join(t.TempDir(), "big.pt")
	ctx, cancel := context.WithCancel(t.Context())
	h.cdn = func(w http.ResponseWriter, r *http.Request, get int) bool {
		if get == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(h.content)))
			w.Write(h.content[:4000])
			w.(http.Flusher).Flush()
			h.mu.Unlock()
			<-r.Context().Done()
			h.mu.Lock()
			panic(http.ErrAbortHandler)
		}
		return false
	}
	hub, _ := h.hub(t, "")
	err := hub.Download(ctx, big, path, func(done, _ int64) {
		if done > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	part, err := os.Stat(path + ".part")
	if err != nil || part.Size() == 0 || part.Size() == int64(len(h.content)) {
		t.Fatalf("want a part of the file: %v, %v", part, err)
	}
	info, err := hub.Stat(t.Context(), big)
	if err != nil || Partial(path, info) != part.Size() {
		t.Errorf("%v: %d bytes need not be fetched, want %d", err, Partial(path, info), part.Size())
	}
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
	if got := h.requests[len(h.requests)-1].Header.Get("Range"); got != fmt.Sprintf("bytes=%d-", part.Size()) {
		t.Errorf("the second run asked for %q", got)
	}
}

// What a server may do wrong and still deliver in the end.
func TestServersThatRecover(t *testing.T) {
	for name, cdn := range map[string]func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool{
		"ignores Range": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			if get == 1 {
				return h.cut(w, r, 5000)
			}
			w.Write(h.content)
			return true
		},
		"another range": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			switch get {
			case 1:
				return h.cut(w, r, 5000)
			case 2:
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 10-%d/%d", len(h.content)-1, len(h.content)))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(h.content[10:])
				return true
			}
			return false
		},
		"no such range": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			if get == 1 {
				return h.cut(w, r, 5000)
			}
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return false
		},
		"no length": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			w.(http.Flusher).Flush() // chunked
			w.Write(h.content)
			return true
		},
		"too short": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			if get == 1 {
				w.Write(h.content[:100])
			}
			return get == 1
		},
		"too long": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			if get == 1 {
				w.(http.Flusher).Flush()
				w.Write(append(bytes.Clone(h.content), "and more"...))
			}
			return get == 1
		},
		"busy": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			if get < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return get < 3
		},
		"an address that has run out": func(h *fakeHub, w http.ResponseWriter, r *http.Request, get int) bool {
			if get == 1 {
				w.WriteHeader(http.StatusForbidden)
			}
			return get == 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t)
			h.cdn = func(w http.ResponseWriter, r *http.Request, get int) bool { return cdn(h, w, r, get) }
			hub, _ := h.hub(t, "")
			path := filepath.Join(t.TempDir(), "big.pt")
			if err := hub.Download(t.Context(), big, path, nil); err != nil {
				t.Fatal(err)
			}
			whole(t, h, path)
		})
	}
}

// The file changes while it is fetched: If-Range keeps the two from being glued together.
func TestChangedFile(t *testing.T) {
	h := newFakeHub(t)
	h.cdn = func(w http.ResponseWriter, r *http.Request, get int) bool {
		if get == 1 {
			// What comes is the old file's beginning, what is asked for next is the new file.
			defer func() { h.content = bytes.Repeat([]byte("fedcba9876543210"), 4096) }()
			return h.cut(w, r, 5000)
		}
		return false
	}
	hub, _ := h.hub(t, "")
	path := filepath.Join(t.TempDir(), "big.pt")
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
}

// Without a redirect and a sha256 there is only the server's ETag.
func TestSmallFileThatChanges(t *testing.T) {
	h := newFakeHub(t)
	version, asked := 1, 0
	h.resolve = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Etag", fmt.Sprintf(`"v%d"`, version))
		if r.Method == http.MethodGet {
			if asked++; asked == 1 {
				version = 2
				w.Header().Set("Content-Length", fmt.Sprint(len(h.content)))
				w.Write(h.content[:3000])
				h.content = bytes.Repeat([]byte("z"), len(h.content))
				panic(http.ErrAbortHandler)
			}
		}
		http.ServeContent(w, r, "big.pt", time.Time{}, bytes.NewReader(h.content))
		return true
	}
	hub, _ := h.hub(t, "")
	path := filepath.Join(t.TempDir(), "big.pt")
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
}

// What ends a download, with the words that say why.
func TestServersThatFail(t *testing.T) {
	status := func(code int, header ...string) func(h *fakeHub) {
		return func(h *fakeHub) {
			h.resolve = func(w http.ResponseWriter, r *http.Request) bool {
				for i := 0; i+1 < len(header); i += 2 {
					w.Header().Set(header[i], header[i+1])
				}
				w.WriteHeader(code)
				return true
			}
		}
	}
	page := func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><title>Log in</title>")
		return true
	}
	for _, c := range []struct {
		name, token string
		set         func(h *fakeHub)
		want        string
	}{
		{"401", "", status(401), "put a token of the hub into HF_TOKEN"},
		{"403 with a token", "hf_x", status(403), "refuses it to this token"},
		{"404", "", status(404), "the hub has no such file"},
		{"400", "", status(400), "answers 400"},
		{"429", "", status(429), "answers 429 (Too Many Requests); tried 6 times"},
		{"503 for an hour", "", status(503, "Retry-After", "3600"), "asks to come back in 1h0m0s"},
		{"a page from the hub", "", func(h *fakeHub) {
			h.resolve = func(w http.ResponseWriter, r *http.Request) bool { return page(w) }
		}, "a web page instead of the file"},
		{"a page from elsewhere", "", func(h *fakeHub) {
			h.cdn = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.Header().Set("Content-Length", fmt.Sprint(len(h.content)))
				return page(w)
			}
		}, "a web page instead of the file"},
		{"a wrong hash", "", func(h *fakeHub) { h.sha = strings.Repeat("ab", 32) }, "want " + strings.Repeat("ab", 32)},
		{"always cut at the same place", "", func(h *fakeHub) {
			h.cdn = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				r.Header.Del("Range")
				return h.cut(w, r, 1000)
			}
		}, "ended the connection after 1000 of 65536 bytes; tried"},
		{"a length that is none", "", func(h *fakeHub) {
			h.cdn = func(w http.ResponseWriter, r *http.Request, _ int) bool { w.Write([]byte("short")); return true }
		}, "is about to send 5 bytes, the hub says that the file has 65536; tried 6 times"},
		{"too large", "", status(200, "Content-Length", "9000000000000000"), "limit 1099511627776"},
		{"compressed", "", func(h *fakeHub) {
			h.cdn = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				w.Header().Set("Content-Encoding", "br")
				w.Write(h.content)
				return true
			}
		}, `in the encoding "br"`},
		{"redirects for ever", "", status(302, "Location", "/o/r/resolve/main/big.pt?again"), "more than 8 redirects"},
		{"a redirect to nowhere", "", status(302, "Location", "file:///etc/passwd"), "a redirect to nowhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newFakeHub(t)
			c.set(h)
			hub, _ := h.hub(t, c.token)
			path := filepath.Join(t.TempDir(), "big.pt")
			err := hub.Download(t.Context(), big, path, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v; want ... %s", err, c.want)
			}
			if strings.ContainsAny(err.Error(), "\n\r") || !strings.Contains(err.Error(), "o/r/big.pt") {
				t.Errorf("want one line that names the file: %q", err)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("there is a file under the final name")
			}
		})
	}
}

// A wrong hash leaves nothing that the next run would go on from.
func TestWrongHashIsThrownAway(t *testing.T) {
	h := newFakeHub(t)
	h.sha = strings.Repeat("ab", 32)
	hub, _ := h.hub(t, "")
	path := filepath.Join(t.TempDir(), "big.pt")
	err := hub.Download(t.Context(), big, path, nil)
	var hash *HashError
	if !errors.As(err, &hash) || hash.Got != shaOf(h.content) {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A hash that the table knows holds against the hub's.
func TestPinnedHash(t *testing.T) {
	h := newFakeHub(t)
	hub, _ := h.hub(t, "")
	path := filepath.Join(t.TempDir(), "big.pt")
	pinned := big
	pinned.SHA256 = strings.Repeat("cd", 32)
	if err := hub.Download(t.Context(), pinned, path, nil); err == nil || !strings.Contains(err.Error(), "the table of models wants cdcd") {
		t.Fatal(err)
	}
	h.resolve = func(w http.ResponseWriter, r *http.Request) bool { // no hash from the hub
		w.Header().Set("Etag", `"x"`)
		http.ServeContent(w, r, "big.pt", time.Time{}, bytes.NewReader(h.content))
		return true
	}
	if err := hub.Download(t.Context(), pinned, path, nil); !errors.As(err, new(*HashError)) {
		t.Fatal(err)
	}
	pinned.SHA256 = shaOf(h.content)
	if err := hub.Download(t.Context(), pinned, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
}

// A part whose bytes were damaged on the disk is found by the hash, and thrown away.
func TestDamagedPart(t *testing.T) {
	h := newFakeHub(t)
	h.cdn = func(w http.ResponseWriter, r *http.Request, get int) bool { return get == 1 && h.cut(w, r, 5000) }
	hub, _ := h.hub(t, "")
	path := filepath.Join(t.TempDir(), "big.pt")
	hub.attempts = 1
	if err := hub.Download(t.Context(), big, path, nil); err == nil {
		t.Fatal("want a cut connection")
	}
	part, err := os.ReadFile(path + ".part")
	if err != nil || len(part) < 1000 {
		t.Fatal(len(part), err)
	}
	part[17] ^= 1
	if err := os.WriteFile(path+".part", part, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := hub.Download(t.Context(), big, path, nil); !errors.As(err, new(*HashError)) {
		t.Fatal(err)
	}
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
}

// A server that stops sending is left after a while, and asked again for the rest.
func TestStall(t *testing.T) {
	h := newFakeHub(t)
	h.cdn = func(w http.ResponseWriter, r *http.Request, get int) bool {
		if get > 1 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(h.content)))
		w.Write(h.content[:4000])
		w.(http.Flusher).Flush()
		h.mu.Unlock()
		<-r.Context().Done()
		h.mu.Lock()
		panic(http.ErrAbortHandler)
	}
	hub, _ := h.hub(t, "")
	hub.stall = 50 * time.Millisecond
	var notice error
	hub.Notice = func(err error, _ time.Duration) { notice = err }
	path := filepath.Join(t.TempDir(), "big.pt")
	if err := hub.Download(t.Context(), big, path, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, h, path)
	if notice == nil || !strings.Contains(notice.Error(), "sent nothing for 50ms, after 4000 of 65536 bytes") {
		t.Errorf("notice: %v", notice)
	}
}

// Waits grow, and a server's own wish counts where it is longer.
func TestWaits(t *testing.T) {
	h := newFakeHub(t)
	n := 0
	h.resolve = func(w http.ResponseWriter, r *http.Request) bool {
		n++
		if n == 2 {
			w.Header().Set("Retry-After", "7")
		}
		if n < 5 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return n < 5
	}
	hub, waits := h.hub(t, "")
	if _, err := hub.Stat(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(*waits); got != "[1s 7s 4s 8s]" {
		t.Errorf("waits %s", got)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "x": 0, "-3": 0, "12": 12 * time.Second, "99999999999": 1e6 * time.Second,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(v, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", v, got, want)
		}
	}
}

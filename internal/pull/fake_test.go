package pull

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHub is a hub of one large file, which a request for /o/r/resolve/main/big.pt redirects to /cdn, as the real one does.
// Tests put something of their own in its way.
type fakeHub struct {
	*httptest.Server
	mu       sync.Mutex
	content  []byte
	sha      string                                                     // of the X-Linked-Etag; "" is that of the content
	cdn      func(w http.ResponseWriter, r *http.Request, get int) bool // true: it has answered
	resolve  func(w http.ResponseWriter, r *http.Request) bool          // the same, before the redirect
	requests []*http.Request                                            // all, in order
	gets     int
}

var big = Source{Repo: "o/r", Revision: "main", File: "big.pt"}

func newFakeHub(t *testing.T) *fakeHub {
	t.Helper()
	h := &fakeHub{content: bytes.Repeat([]byte("0123456789abcdef"), 4096)}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func shaOf(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, r)
	switch {
	case strings.HasPrefix(r.URL.Path, "/o/r/resolve/main/big.pt"):
		if h.resolve != nil && h.resolve(w, r) {
			return
		}
		sha := h.sha
		if sha == "" {
			sha = shaOf(h.content)
		}
		w.Header().Set("X-Linked-Etag", `"`+sha+`"`)
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(h.content)))
		// "localhost" and 127.0.0.1 are one server and two hosts.
		w.Header().Set("Location", strings.Replace(h.URL, "127.0.0.1", "localhost", 1)+"/cdn")
		w.WriteHeader(http.StatusFound)
	case r.URL.Path == "/cdn":
		h.gets++
		if h.cdn != nil && h.cdn(w, r, h.gets) {
			return
		}
		w.Header().Set("Etag", `"cdn-`+shaOf(h.content)[:8]+`"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "big.pt", time.Time{}, bytes.NewReader(h.content))
	default:
		http.NotFound(w, r)
	}
}

// hub is a client that does not wait between tries, and counts how long it would have.
func (h *fakeHub) hub(t *testing.T, token string) (*Hub, *[]time.Duration) {
	t.Helper()
	hub, err := NewHub(h.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	hub.sleep = func(ctx context.Context, d time.Duration) error {
		waits = append(waits, d)
		return ctx.Err()
	}
	return hub, &waits
}

// cut sends the first n bytes of what was asked for and breaks the connection.
func (h *fakeHub) cut(w http.ResponseWriter, r *http.Request, n int) bool {
	body := h.content
	var from int
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body)-1, len(body)))
		body = body[from:]
	}
	w.Header().Set("Etag", `"cdn-`+shaOf(h.content)[:8]+`"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(body[:min(n, len(body))])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

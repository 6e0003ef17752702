package pull

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The token goes to the endpoint and to nobody else.
func TestToken(t *testing.T) {
	h := newFakeHub(t)
	hub, _ := h.hub(t, "hf_secret")
	if err := hub.Download(t.Context(), big, filepath.Join(t.TempDir(), "big.pt"), nil); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range h.requests {
		got := r.Header.Get("Authorization")
		seen[r.URL.Path]++
		if want := map[bool]string{true: "Bearer hf_secret"}[r.URL.Path != "/cdn"]; got != want {
			t.Errorf("%s %s: Authorization %q, want %q", r.Method, r.URL.Path, got, want)
		}
	}
	if seen["/cdn"] == 0 || seen["/o/r/resolve/main/big.pt"] == 0 {
		t.Errorf("requests: %v", seen)
	}
}

func TestTokenStaysOffClearText(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"https://hub.example": true, "http://hub.example": false, "http://127.0.0.1:8080": true, "http://[::1]:1": true,
		"http://localhost:8080": true, "http://localhost.example": false, "http://192.168.1.5": false,
	} {
		h, err := NewHub(endpoint, "hf_x")
		if err != nil {
			t.Fatal(err)
		}
		if got := h.mayHaveToken(h.url(big)); got != want {
			t.Errorf("%s: %v, want %v", endpoint, got, want)
		}
	}
}

// No way leads from https back to http.
func TestNoDowngrade(t *testing.T) {
	plain := newFakeHub(t)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Linked-Etag", `"`+shaOf(plain.content)+`"`)
		http.Redirect(w, r, plain.URL+"/cdn", http.StatusFound)
	}))
	defer secure.Close()
	hub, err := NewHub(secure.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	hub.client.Transport = secure.Client().Transport
	err = hub.Download(t.Context(), big, filepath.Join(t.TempDir(), "big.pt"), nil)
	if err == nil || !strings.Contains(err.Error(), "redirects from https to http") {
		t.Error(err)
	}
	if len(plain.requests) != 0 {
		t.Error("it went there all the same")
	}
}

// A certificate that cannot be checked is no reason for another try.
func TestCertificate(t *testing.T) {
	n := 0
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { n++ }))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	hub, err := NewHub(secure.URL, "hf_secret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Stat(t.Context(), big); err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "tried") || n != 0 {
		t.Errorf("%v, %d requests served", err, n)
	}
}

// Addresses after a redirect are signed; messages do not show them, nor the token.
func TestMessagesKeepSecrets(t *testing.T) {
	h := newFakeHub(t)
	h.resolve = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("X-Linked-Etag", `"`+shaOf(h.content)+`"`)
		w.Header().Set("Location", "http://127.0.0.1:1/file?signature=geheim")
		w.WriteHeader(http.StatusFound)
		return true
	}
	hub, _ := h.hub(t, "hf_secret")
	err := hub.Download(t.Context(), big, filepath.Join(t.TempDir(), "big.pt"), nil)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestNewHub(t *testing.T) {
	for _, bad := range []string{"", "hub.example", "ftp://hub.example", "https://", "https://me:pw@hub.example", "https://hub.example/?a=b", "http://a b/"} {
		if _, err := NewHub(bad, ""); err == nil || !strings.Contains(err.Error(), "HF_ENDPOINT") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := NewHub(DefaultEndpoint, "a\nb"); err == nil || strings.Contains(err.Error(), "a\nb") {
		t.Error(err)
	}
	h, err := NewHub("https://hub.example/mirror/", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := h.url(Source{Repo: "o/r", Revision: "main", File: "a/b.pt"}).String(); got != "https://hub.example/mirror/o/r/resolve/main/a/b.pt" {
		t.Error(got)
	}
}

func TestFromEnvironment(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HF_HOME", home)
	t.Setenv("HF_ENDPOINT", "")
	t.Setenv("HF_TOKEN", "")
	h, err := FromEnvironment()
	if err != nil || h.endpoint.String() != DefaultEndpoint || h.token != "" || h.endpoint.Scheme != "https" {
		t.Fatal(h, err)
	}
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("hf_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err = FromEnvironment(); err != nil || h.token != "hf_file" {
		t.Fatal(h.token, err)
	}
	t.Setenv("HF_TOKEN", "hf_env")
	t.Setenv("HF_ENDPOINT", "https://mirror.example")
	if h, err = FromEnvironment(); err != nil || h.token != "hf_env" || h.endpoint.Host != "mirror.example" {
		t.Fatal(h, err)
	}
}

package pull

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// DefaultEndpoint is the hub that is asked unless HF_ENDPOINT names another.
const DefaultEndpoint = "https://huggingface.co"

// Hub is a server of checkpoints.
type Hub struct {
	endpoint *url.URL
	token    string
	client   *http.Client

	stall    time.Duration // without a byte, after which a connection is given up
	attempts int           // in a row without progress
	longest  time.Duration // that a server may ask to wait
	sleep    func(context.Context, time.Duration) error

	// Notice, if not nil, is told why something is tried again, and when.
	Notice func(err error, wait time.Duration)
}

// FromEnvironment is the hub of HF_ENDPOINT, with the token of HF_TOKEN or of the file that the hub's own tools leave in
// HF_HOME. It contacts nobody.
func FromEnvironment() (*Hub, error) {
	endpoint := os.Getenv("HF_ENDPOINT")
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	token := strings.TrimSpace(os.Getenv("HF_TOKEN"))
	if token == "" {
		if dir := hubHome(); dir != "" {
			text, _ := os.ReadFile(filepath.Join(dir, "token")) // most people have none
			token = strings.TrimSpace(string(text))
		}
	}
	return NewHub(endpoint, token)
}

// hubHome is HF_HOME: where the hub's own tools keep a token and what they have fetched.
func hubHome() string {
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "huggingface")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache", "huggingface")
}

// NewHub is the hub at this address. The token may be empty.
func NewHub(endpoint, token string) (*Hub, error) {
	u, err := url.Parse(strings.TrimRight(endpoint, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("HF_ENDPOINT %.80q: want an address such as %s", endpoint, DefaultEndpoint)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("HF_TOKEN: it has characters that no token has")
	}
	const stall = 30 * time.Second
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = stall
	return &Hub{
		endpoint: u, token: token, stall: stall, attempts: 6, longest: 5 * time.Minute, sleep: sleep,
		client: &http.Client{
			Transport: transport,
			// Redirects are followed by hand: their headers are needed, and the token must not travel along.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// url is the address of a file.
func (h *Hub) url(s Source) *url.URL {
	return h.endpoint.JoinPath(s.Repo, "resolve", s.Revision, s.File)
}

// maxRedirects is more than the hub and a mirror before it need.
const maxRedirects = 8

// reply is a response and what the redirects before it said of the file.
type reply struct {
	*http.Response
	linkedETag string // "" if there was none
	linkedSize string
	foreign    bool // it came, or would come, from another host than the endpoint's
}

// ask sends a request and follows redirects; those to other hosts only with follow, else the redirect is the reply.
func (h *Hub) ask(ctx context.Context, method string, s Source, header http.Header, follow bool) (*reply, error) {
	u := h.url(s)
	r := &reply{}
	for range maxRedirects {
		req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		for key, values := range header {
			req.Header[key] = values
		}
		req.Header.Set("User-Agent", "zipar")
		// Ranges and lengths are those of the bytes themselves.
		req.Header.Set("Accept-Encoding", "identity")
		if h.mayHaveToken(u) {
			req.Header.Set("Authorization", "Bearer "+h.token)
		}
		if r.Response, err = h.client.Do(req); err != nil {
			return nil, networkError(s, u, err)
		}
		if v := r.Header.Get("X-Linked-Etag"); v != "" && sameHost(u, h.endpoint) {
			r.linkedETag, r.linkedSize = v, r.Header.Get("X-Linked-Size")
		}
		if r.StatusCode < 300 || r.StatusCode > 399 || r.StatusCode == http.StatusNotModified {
			return r, nil
		}
		next, err := u.Parse(r.Header.Get("Location"))
		if err != nil || r.Header.Get("Location") == "" || (next.Scheme != "https" && next.Scheme != "http") {
			r.Body.Close()
			return nil, fmt.Errorf("%s: %s answers with a redirect to nowhere", s, u.Host)
		}
		if u.Scheme == "https" && next.Scheme == "http" {
			r.Body.Close()
			return nil, fmt.Errorf("%s: %s redirects from https to http, which anybody on the way can change: refused", s, u.Host)
		}
		if !sameHost(next, h.endpoint) {
			if r.foreign = true; !follow {
				return r, nil
			}
		}
		r.Body.Close()
		u = next
	}
	return nil, fmt.Errorf("%s: more than %d redirects", s, maxRedirects)
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

// mayHaveToken tells whether the token is sent to an address: to the endpoint itself, and in clear text only within this
// machine.
func (h *Hub) mayHaveToken(u *url.URL) bool {
	if h.token == "" || !sameHost(u, h.endpoint) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

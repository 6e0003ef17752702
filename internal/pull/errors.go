package pull

// What can go wrong on the way, and what is worth another try.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// passing is an error that another try may not have.
type passing struct {
	error
	after time.Duration // what the server asked for, or 0
}

func (p *passing) Unwrap() error { return p.error }

func again(format string, args ...any) error { return &passing{error: fmt.Errorf(format, args...)} }

var errStalled = errors.New("nothing came")

// networkError says what failed without the address: that of a redirect may carry a signature.
func networkError(s Source, u *url.URL, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	full := fmt.Errorf("%s: %s: %w", s, u.Host, err)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound || errors.As(err, new(*tls.CertificateVerificationError)) {
		return full
	}
	return &passing{error: full}
}

// statusError says what an answer other than 200 and 206 means.
func statusError(s Source, r *reply, token bool) error {
	host := r.Request.URL.Host
	switch code := r.StatusCode; {
	case code == http.StatusForbidden && r.foreign: // an address that is good for a while only
		return again("%s: %s answers %d (%s)", s, host, code, http.StatusText(code))
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		if token {
			return fmt.Errorf("%s: %s refuses it to this token (%d): accept the model's terms at the hub with the account that HF_TOKEN belongs to", s, host, code)
		}
		return fmt.Errorf("%s: %s wants to know who asks (%d): put a token of the hub into HF_TOKEN", s, host, code)
	case code == http.StatusNotFound, code == http.StatusGone:
		return fmt.Errorf("%s, revision %s: %w (%s answers %d)", s, s.Revision, ErrNotFound, host, code)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return &passing{fmt.Errorf("%s: %s answers %d (%s)", s, host, code, http.StatusText(code)), retryAfter(r.Header.Get("Retry-After"), time.Now())}
	}
	return fmt.Errorf("%s: %s answers %d (%s)", s, host, r.StatusCode, http.StatusText(r.StatusCode))
}

// retryAfter reads a number of seconds or a date.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, 1e6)) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// retry calls do until it succeeds, fails for good, or has failed too often in a row without progress. do returns how far it
// has come.
func (h *Hub) retry(ctx context.Context, do func() (int64, error)) error {
	var furthest int64
	for failures := 0; ; {
		reached, err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var p *passing
		if !errors.As(err, &p) {
			return err
		}
		if reached > furthest {
			furthest, failures = reached, 0
		}
		if failures++; failures >= h.attempts {
			return fmt.Errorf("%w; tried %d times", p.error, failures)
		}
		wait := max(p.after, time.Second<<(failures-1))
		if wait > h.longest {
			return fmt.Errorf("%w, and asks to come back in %s", p.error, wait.Round(time.Second))
		}
		if h.Notice != nil {
			h.Notice(p.error, wait)
		}
		if err := h.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

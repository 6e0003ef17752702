package pull

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// maxFile bounds what is fetched for a file; no checkpoint known comes near.
const maxFile = 1 << 40

// Stat asks the hub for a file's size and hash. The error of a file that is not there is ErrNotFound.
func (h *Hub) Stat(ctx context.Context, s Source) (Info, error) {
	var info Info
	err := h.retry(ctx, func() (n int64, err error) {
		info, err = h.stat(ctx, s)
		return 0, err
	})
	return info, err
}

// stat asks once. A large file's facts are in the redirect to where it lies, which is not followed: an address signed for
// GET need not answer HEAD.
func (h *Hub) stat(ctx context.Context, s Source) (Info, error) {
	r, err := h.ask(ctx, http.MethodHead, s, nil, false)
	if err != nil {
		return Info{}, err
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK && !r.foreign {
		return Info{}, statusError(s, r, h.token != "")
	}
	info := Info{Size: -1, ETag: cleanETag(r.linkedETag)}
	if n, err := strconv.ParseInt(r.linkedSize, 10, 64); err == nil {
		info.Size = n
	}
	if !r.foreign {
		if err := refusePage(s, r); err != nil {
			return Info{}, err
		}
		if info.ETag == "" {
			info.ETag = cleanETag(r.Header.Get("Etag"))
		}
		if info.Size < 0 {
			info.Size = r.ContentLength
		}
	}
	if info.Size > maxFile {
		return Info{}, fmt.Errorf("%s: the hub says that it has %d bytes, limit %d", s, info.Size, int64(maxFile))
	}
	if e := strings.ToLower(info.ETag); isSHA256(e) {
		info.SHA256 = e
	}
	if s.SHA256 != "" {
		if info.SHA256 != "" && info.SHA256 != s.SHA256 {
			return Info{}, fmt.Errorf("%s: the hub has a file with the sha256 %s, the table of models wants %s: it is another one", s, info.SHA256, s.SHA256)
		}
		info.SHA256 = s.SHA256
	}
	return info, nil
}

// cleanETag drops the quotes and the mark of a weak validator.
func cleanETag(v string) string {
	return strings.Trim(strings.TrimPrefix(v, "W/"), `"`)
}

// refusePage tells a login page or an error page from a file.
func refusePage(s Source, r *reply) error {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "text/html" || kind == "application/xhtml+xml" {
		return fmt.Errorf("%s: %s answers with a web page instead of the file: is there a login page or a proxy on the way?", s, r.Request.URL.Host)
	}
	return nil
}

package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Download fetches a file to path, whole and checked, or not at all: what has come of it by then stays in path.part, and the
// next call goes on from there. progress, which may be nil, is told how many bytes of how many are there; the second is -1
// while nobody knows.
//
// The size and, where the hub or the table tells it, the sha256 must be right. An error that may pass (a broken connection,
// a server that is too busy, no byte for half a minute) is tried again, at longer and longer intervals.
func (h *Hub) Download(ctx context.Context, s Source, path string, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	return h.retry(ctx, func() (int64, error) { return h.download(ctx, s, path, progress) })
}

// download tries once. It returns how many bytes are there.
func (h *Hub) download(ctx context.Context, s Source, path string, progress func(done, total int64)) (reached int64, err error) {
	info, err := h.stat(ctx, s)
	if err != nil {
		return 0, err
	}
	if Have(path, info) {
		return info.Size, nil
	}
	p, err := openPart(path, info)
	if err != nil {
		return 0, err
	}
	defer func() { p.close(); reached = p.size }()
	if info.Size < 0 || p.size < info.Size || info.Size == 0 {
		if err := h.receive(ctx, s, info, p, progress); err != nil {
			return p.size, err
		}
	}
	return p.size, p.finish(s, info)
}

// receive asks for what is missing and appends it.
func (h *Hub) receive(ctx context.Context, s Source, info Info, p *part, progress func(done, total int64)) error {
	header := http.Header{}
	if p.size > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.size))
		if p.note.Validator != "" {
			header.Set("If-Range", p.note.Validator)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, err := h.ask(ctx, http.MethodGet, s, header, true)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	switch r.StatusCode {
	case http.StatusOK: // all of it: ranges are not this server's business, or the file is another one by now
		if err := p.restart(); err != nil {
			return err
		}
	case http.StatusPartialContent:
		var first, last, total int64
		if n, _ := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); n != 3 || first != p.size || info.Size >= 0 && total != info.Size {
			at := p.size
			if err := p.restart(); err != nil {
				return err
			}
			return again("%s: asked for the bytes from %d, %s sends %.60q", s, at, r.Request.URL.Host, r.Header.Get("Content-Range"))
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if err := p.restart(); err != nil {
			return err
		}
		return again("%s: %s has no bytes from %s on", s, r.Request.URL.Host, strings.TrimPrefix(header.Get("Range"), "bytes="))
	default:
		return statusError(s, r, h.token != "")
	}
	if err := refusePage(s, r); err != nil {
		return err
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fmt.Errorf("%s: %s sends it in the encoding %.40q, which nobody asked for", s, r.Request.URL.Host, e)
	}
	now := cleanETag(r.linkedETag)
	if now == "" && !r.foreign {
		now = cleanETag(r.Header.Get("Etag"))
	}
	if now != "" && info.ETag != "" && now != info.ETag {
		return again("%s: it was replaced at the hub just now", s)
	}
	total := info.Size
	if r.ContentLength >= 0 {
		announced := p.size + r.ContentLength
		if total >= 0 && announced != total {
			return again("%s: %s is about to send %d bytes, the hub says that the file has %d", s, r.Request.URL.Host, announced, total)
		}
		total = announced
	}
	p.note = note{Info: info, Validator: validator(r)}
	if err := writeNote(partPath(p.path), p.note); err != nil {
		return err
	}
	return h.copyBody(s, r, p, total, cancel, progress)
}

// validator is what If-Range may hold: a strong ETag, or else a date.
func validator(r *reply) string {
	if e := r.Header.Get("Etag"); len(e) > 2 && e[0] == '"' {
		return e
	}
	return r.Header.Get("Last-Modified")
}

// copyBody appends the body and checks its length. cancel ends the request.
func (h *Hub) copyBody(s Source, r *reply, p *part, total int64, cancel context.CancelCauseFunc, progress func(done, total int64)) error {
	watchdog := time.AfterFunc(h.stall, func() { cancel(errStalled) })
	defer watchdog.Stop()
	limit := int64(maxFile)
	if total >= 0 {
		limit = total
	}
	progress(p.size, total)
	buffer := make([]byte, 256<<10)
	for {
		n, err := r.Body.Read(buffer)
		if n > 0 {
			watchdog.Reset(h.stall)
			if p.size+int64(n) > limit {
				if err := p.restart(); err != nil {
					return err
				}
				return again("%s: %s sends more than the %d bytes of the file", s, r.Request.URL.Host, limit)
			}
			if _, err := p.Write(buffer[:n]); err != nil {
				return err
			}
			progress(p.size, total)
		}
		switch {
		case err == io.EOF && (total < 0 || p.size == total):
			return nil
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return again("%s: %s ended the connection after %d of %d bytes", s, r.Request.URL.Host, p.size, total)
		case errors.Is(context.Cause(r.Request.Context()), errStalled):
			return again("%s: %s sent nothing for %s, after %d of %d bytes", s, r.Request.URL.Host, h.stall, p.size, total)
		case err != nil:
			return networkError(s, r.Request.URL, err)
		}
	}
}

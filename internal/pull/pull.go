// Package pull fetches checkpoints from the Hugging Face hub. It is the one package that talks to a network, and it does so
// for `zipar pull` alone; a test in internal/layers holds this.
//
//	models.txt ──▶ Model ──▶ Sources ──stat──▶ size, ETag, sha256 ──space, lock──▶ download ──▶ whole, checked files
//
// The hub's conventions: a file is {endpoint}/{owner}/{name}/resolve/{revision}/{file}. Large files are answered by a
// redirect to another host; the redirect's X-Linked-Etag is then their sha256 and X-Linked-Size their size. The token goes to
// the endpoint's host alone.
//
// What is in the files is not this package's business: they are bytes, and internal/convert reads them.
package pull

import (
	"errors"
	"fmt"
)

// Source is a file at the hub.
type Source struct {
	Repo     string // OWNER/NAME
	Revision string // branch, tag or commit
	File     string
	SHA256   string // 64 lower-case hexadecimal digits, or "" where it is not known beforehand
}

// String is the file's name for people.
func (s Source) String() string { return s.Repo + "/" + s.File }

// Info is what the hub says of a file.
type Info struct {
	Size   int64  // in bytes, or -1 where it does not say
	ETag   string // changes when the file does; "" where there is none
	SHA256 string // from the hub or the table, "" if neither tells
}

// ErrNotFound is in the errors of files that the hub does not have.
var ErrNotFound = errors.New("the hub has no such file")

// A HashError says that a file's bytes are not those that were promised. They have been removed.
type HashError struct {
	Source    Source
	Got, Want string
}

func (e *HashError) Error() string {
	return fmt.Sprintf("%s: the sha256 of what was received is %s, want %s; it was thrown away", e.Source, e.Got, e.Want)
}

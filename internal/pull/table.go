package pull

// The table of models, models.txt, and a table of the user's own in the same form.

import (
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Model is a line of the table.
type Model struct {
	Name          string
	Main, VQ      *Part // nil: it has none
	Text          *Part // Source.File is "": a repository
	Rows, Cols    int   // of image tokens, 0 without a transformer
	Heads         int   // 0: the width tells
	Layers, Width int   // of the transformer, 0 if not stated
	Pixels        int   // side of the picture, 0 if not stated
	Type          string
	Licence       string
}

// Part is a checkpoint of a model.
type Part struct {
	Source
	Weights int64 // of the part
	Whole   int64 // of the files that it is in
}

//go:embed models.txt
var builtIn string

// Models returns the table, and after it what the file models.txt in the folder home has.
func Models(home string) ([]Model, error) {
	models, err := parseTable("models.txt", builtIn)
	if err != nil {
		panic(err) // the embedded table is this package's own
	}
	own := filepath.Join(home, "models.txt")
	text, err := os.ReadFile(own)
	if errors.Is(err, fs.ErrNotExist) {
		return models, nil
	}
	if err != nil {
		return nil, err
	}
	more, err := parseTable(own, string(text))
	if err != nil {
		return nil, err
	}
	for _, m := range more {
		if _, ok := Find(models, m.Name); ok {
			return nil, fmt.Errorf("%s: the model %s is there already", own, m.Name)
		}
		models = append(models, m)
	}
	return models, nil
}

// Find returns the model of this name. Case does not matter, as it does not for file names everywhere.
func Find(models []Model, name string) (Model, bool) {
	i := slices.IndexFunc(models, func(m Model) bool { return strings.EqualFold(m.Name, name) })
	if i < 0 {
		return Model{}, false
	}
	return models[i], true
}

func parseTable(file, text string) ([]Model, error) {
	var models []Model
	n := 0
	for line := range strings.Lines(text) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		m, err := parseModel(fields)
		if err == nil {
			if _, twice := Find(models, m.Name); twice {
				err = fmt.Errorf("the model %s is there already", m.Name)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		models = append(models, m)
	}
	return models, nil
}

// A model's name is that of a file, so it must not lead anywhere else.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func parseModel(fields []string) (Model, error) {
	m := Model{Name: fields[0], Type: "f16", Licence: "not stated"}
	if !modelName.MatchString(m.Name) {
		return m, fmt.Errorf("name %.80q: want letters, digits, dots, dashes", m.Name)
	}
	for _, field := range fields[1:] {
		key, value, _ := strings.Cut(field, "=")
		var err error
		switch key {
		case "main":
			m.Main, err = parsePart(value, true)
		case "vq":
			m.VQ, err = parsePart(value, true)
		case "text":
			m.Text, err = parsePart(value, false)
		case "grid":
			m.Rows, m.Cols, err = parsePair(value)
		case "shape":
			m.Layers, m.Width, err = parsePair(value)
		case "heads":
			m.Heads, err = parseNumber(value)
		case "pixels":
			m.Pixels, err = parseNumber(value)
		case "type":
			m.Type = value
		case "licence":
			m.Licence = strings.ReplaceAll(value, ",", ", ")
		default:
			err = errors.New("there is no such field")
		}
		if err != nil {
			return m, fmt.Errorf("%s: %.120q: %w", m.Name, field, err)
		}
	}
	switch {
	case m.Main == nil && m.VQ == nil && m.Text == nil:
		return m, fmt.Errorf("%s: nothing to fetch: want main=, vq= or text=", m.Name)
	case m.Main == nil && m.VQ != nil && m.Text != nil:
		return m, fmt.Errorf("%s: an image tokenizer and a text encoder need a model (main=) between them", m.Name)
	case m.Main != nil && m.Rows == 0:
		return m, fmt.Errorf("%s: a model needs grid=ROWSxCOLUMNS", m.Name)
	}
	return m, nil
}

var (
	repoName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$`)
	revision = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// parsePart reads OWNER/NAME[@REVISION][/FILE[#SHA256]][,WEIGHTS[,WHOLE]].
func parsePart(value string, hasFile bool) (*Part, error) {
	value, weights, _ := strings.Cut(value, ",")
	value, hash, _ := strings.Cut(value, "#")
	p := &Part{Source: Source{Repo: value, Revision: "main", SHA256: strings.ToLower(hash)}}
	if hasFile {
		if i := strings.Index(value, "/"); i >= 0 {
			if j := strings.Index(value[i+1:], "/"); j >= 0 {
				p.Repo, p.File = value[:i+1+j], value[i+j+2:]
			}
		}
		if p.File == "" || p.File == "." || path.Clean(p.File) != p.File || !filepath.IsLocal(p.File) || strings.ContainsAny(p.File, `\:?%`) {
			return nil, errors.New("want OWNER/REPOSITORY/FILE")
		}
	}
	if repo, rev, ok := strings.Cut(p.Repo, "@"); ok {
		p.Repo, p.Revision = repo, rev
	}
	if !repoName.MatchString(p.Repo) || !revision.MatchString(p.Revision) {
		return nil, errors.New("want OWNER/REPOSITORY, and after @ a branch or a commit")
	}
	if p.SHA256 != "" && !isSHA256(p.SHA256) {
		return nil, errors.New("after # want a sha256, 64 hexadecimal digits")
	}
	if weights == "" {
		return p, nil
	}
	own, whole, both := strings.Cut(weights, ",")
	var err error
	if p.Weights, err = parseCount(own); err != nil {
		return nil, err
	}
	p.Whole = p.Weights
	if both {
		p.Whole, err = parseCount(whole)
	}
	return p, err
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

// parseCount reads 111M or 1.4B.
func parseCount(s string) (int64, error) {
	unit := 1.0
	switch {
	case strings.HasSuffix(s, "M"):
		unit = 1e6
	case strings.HasSuffix(s, "B"):
		unit = 1e9
	}
	x, err := strconv.ParseFloat(strings.TrimRight(s, "MB"), 64)
	if err != nil || !(x > 0 && x*unit < 1e12) {
		return 0, errors.New("want a number of weights, as 111M or 1.4B")
	}
	return int64(math.Round(x * unit)), nil
}

func parseNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1<<16 {
		return 0, errors.New("want a number above 0")
	}
	return n, nil
}

func parsePair(s string) (a, b int, err error) {
	left, right, _ := strings.Cut(s, "x")
	if a, err = parseNumber(left); err == nil {
		b, err = parseNumber(right)
	}
	return a, b, err
}

// Package imageio reads and writes what the program takes and makes: pictures
// and files of image codes.
package imageio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Codes is a grid of image codes as a JSON file holds it:
//
//	{"rows":2,"cols":3,"passes":5,"codes":[[1,2,3],[4,5,6]]}
type Codes struct {
	Rows   int       `json:"rows"`
	Cols   int       `json:"cols"`
	Passes int       `json:"passes,omitempty"`
	Codes  [][]int32 `json:"codes"`
}

// maxCodesFile bounds a code file: a million codes, as many as the largest
// picture has with 8 pixels a token, and room to spare. That is also what a file
// costs that names its grid after its codes.
const maxCodesFile = 8 << 20

// NewCodes arranges codes, [rows, cols] row-major. passes is 0 where the
// codes were not decoded.
func NewCodes(codes []int32, rows, cols, passes int) *Codes {
	if len(codes) != rows*cols {
		panic(fmt.Sprintf("imageio: %d codes for %d rows of %d", len(codes), rows, cols))
	}
	c := &Codes{Rows: rows, Cols: cols, Passes: passes}
	for i := range rows {
		c.Codes = append(c.Codes, codes[i*cols:(i+1)*cols])
	}
	return c
}

// Flat returns the codes row by row, [rows·cols].
func (c *Codes) Flat() []int32 {
	flat := make([]int32, 0, c.Rows*c.Cols)
	for _, row := range c.Codes {
		flat = append(flat, row...)
	}
	return flat
}

// ReadCodes reads a code file and checks its shape. name is for messages.
//
// fits, if not nil, is asked about the grid as soon as the file has named it:
// before the codes are read, in files as Write writes them. Its error, which
// is returned as it is, spares the work for codes that nobody can use.
func ReadCodes(r io.Reader, name string, fits func(rows, cols int) error) (*Codes, error) {
	limited := &io.LimitedReader{R: r, N: maxCodesFile + 1}
	cr := &codesReader{json: json.NewDecoder(limited), fits: fits}
	err := cr.read()
	var refused *refusal
	switch {
	case err == nil:
		return &cr.codes, nil
	case errors.As(err, &refused):
		return nil, refused.error
	case limited.N <= 0:
		return nil, fmt.Errorf("%s: a code file of more than %d bytes", name, maxCodesFile)
	}
	return nil, fmt.Errorf("%s: %w", name, err)
}

// codesReader reads a code file key by key.
type codesReader struct {
	json  *json.Decoder
	fits  func(rows, cols int) error
	codes Codes
}

// refusal is an error of fits.
type refusal struct{ error }

func (r *codesReader) read() error {
	c := &r.codes
	switch t, err := r.json.Token(); {
	case errors.Is(err, io.EOF):
		return errors.New("no code file: it is empty")
	case err != nil:
		return r.problem(err, "")
	case t != json.Delim('{'):
		return fmt.Errorf(`no code file: a JSON %s instead of an object with "rows", "cols" and "codes"`, kindOf(t))
	}
	seen := map[string]bool{}
	for r.json.More() {
		t, err := r.json.Token()
		if err != nil {
			return r.problem(err, "")
		}
		key := t.(string) // or Token would have failed
		switch key {
		case "rows", "cols", "passes", "codes": // no others: there may be many
			if seen[key] {
				return fmt.Errorf("no code file: %q is there twice", key)
			}
			seen[key] = true
		}
		switch key {
		case "rows":
			err = r.json.Decode(&c.Rows)
		case "cols":
			err = r.json.Decode(&c.Cols)
		case "passes":
			err = r.json.Decode(&c.Passes)
		case "codes":
			err = r.rows(seen["rows"], seen["cols"])
		default:
			var other json.RawMessage
			err = r.json.Decode(&other)
		}
		if err != nil {
			return r.problem(err, key)
		}
		if (key == "rows" || key == "cols") && seen["rows"] && seen["cols"] {
			if err := r.grid(); err != nil {
				return err
			}
		}
	}
	if _, err := r.json.Token(); err != nil {
		return r.problem(err, "")
	}
	if _, err := r.json.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("data after the end of the codes, at byte %d", r.json.InputOffset())
	}
	return c.check()
}

// grid looks at the grid's size, once it is known.
func (r *codesReader) grid() error {
	c := &r.codes
	if err := c.checkGrid(); err != nil {
		return err
	}
	// Each code takes a digit and a comma.
	if most := maxCodesFile / 2; c.Cols > most/c.Rows {
		return fmt.Errorf(`"rows" is %d and "cols" is %d: a code file has at most %d codes`, c.Rows, c.Cols, most)
	}
	if r.fits != nil {
		if err := r.fits(c.Rows, c.Cols); err != nil {
			return &refusal{err}
		}
	}
	return nil
}

// rows reads the rows of codes. What is known of the grid ends it early.
func (r *codesReader) rows(rowsKnown, colsKnown bool) error {
	t, err := r.json.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return fmt.Errorf(`no code file: a %s in "codes", at byte %d`, kindOf(t), r.json.InputOffset())
	}
	c := &r.codes
	for r.json.More() {
		var row []int32
		if err := r.json.Decode(&row); err != nil {
			return err
		}
		c.Codes = append(c.Codes, row)
		if rowsKnown && len(c.Codes) > c.Rows {
			return fmt.Errorf(`"codes" has more rows than the %d that "rows" says`, c.Rows)
		}
		if colsKnown {
			if err := c.checkRow(len(c.Codes) - 1); err != nil {
				return err
			}
		}
	}
	_, err = r.json.Token()
	return err
}

// check wants a grid and its codes.
func (c *Codes) check() error {
	if err := c.checkGrid(); err != nil {
		return err
	}
	if len(c.Codes) != c.Rows {
		return fmt.Errorf(`"codes" has %d rows, "rows" says %d`, len(c.Codes), c.Rows)
	}
	for i := range c.Codes {
		if err := c.checkRow(i); err != nil {
			return err
		}
	}
	if c.Passes < 0 {
		return fmt.Errorf(`"passes" is %d`, c.Passes)
	}
	return nil
}

func (c *Codes) checkGrid() error {
	if c.Rows < 1 || c.Cols < 1 {
		return fmt.Errorf(`"rows" is %d and "cols" is %d: want both, from 1 up`, c.Rows, c.Cols)
	}
	return nil
}

func (c *Codes) checkRow(i int) error {
	row := c.Codes[i]
	if len(row) != c.Cols {
		return fmt.Errorf(`row %d of "codes" has %d codes, "cols" says %d`, i, len(row), c.Cols)
	}
	for j, code := range row {
		if code < 0 {
			return fmt.Errorf(`code %d at row %d, column %d: codes count from 0`, code, i, j)
		}
	}
	return nil
}

// problem says what is wrong with the JSON without Go's type names. key is
// what was read.
func (r *codesReader) problem(err error, key string) error {
	var syntax *json.SyntaxError
	var value *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("no code file: it ends too early")
	case errors.As(err, &syntax):
		return fmt.Errorf("no code file: no JSON at byte %d", r.json.InputOffset()+1)
	case errors.As(err, &value):
		return fmt.Errorf("no code file: a %s in %q, at byte %d", value.Value, key, r.json.InputOffset())
	}
	return err
}

// kindOf is what JSON calls a value that starts with this token.
func kindOf(t json.Token) string {
	switch t {
	case json.Delim('['):
		return "array"
	case json.Delim('{'):
		return "object"
	}
	switch t.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	}
	return "null"
}

// Write writes the codes as JSON, a line in all.
func (c *Codes) Write(w io.Writer) error {
	return json.NewEncoder(w).Encode(c)
}

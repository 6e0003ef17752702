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

// maxCodesFile bounds a code file: a million codes with room to spare.
const maxCodesFile = 32 << 20

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
func ReadCodes(r io.Reader, name string) (*Codes, error) {
	limited := &io.LimitedReader{R: r, N: maxCodesFile + 1}
	var c Codes
	d := json.NewDecoder(limited)
	if err := d.Decode(&c); err != nil {
		if limited.N <= 0 {
			return nil, fmt.Errorf("%s: a code file of more than %d bytes", name, maxCodesFile)
		}
		return nil, fmt.Errorf("%s: no code file: %s", name, jsonError(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: data after the end of the codes, at byte %d", name, d.InputOffset())
	}
	if c.Rows < 1 || c.Cols < 1 {
		return nil, fmt.Errorf(`%s: "rows" is %d and "cols" is %d: want both, from 1 up`, name, c.Rows, c.Cols)
	}
	if len(c.Codes) != c.Rows {
		return nil, fmt.Errorf(`%s: "codes" has %d rows, "rows" says %d`, name, len(c.Codes), c.Rows)
	}
	for i, row := range c.Codes {
		if len(row) != c.Cols {
			return nil, fmt.Errorf(`%s: row %d of "codes" has %d codes, "cols" says %d`, name, i, len(row), c.Cols)
		}
		for j, code := range row {
			if code < 0 {
				return nil, fmt.Errorf(`%s: code %d at row %d, column %d: codes count from 0`, name, code, i, j)
			}
		}
	}
	if c.Passes < 0 {
		return nil, fmt.Errorf(`%s: "passes" is %d`, name, c.Passes)
	}
	return &c, nil
}

// jsonError says what is wrong without Go's type names.
func jsonError(err error) string {
	var syntax *json.SyntaxError
	var value *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return "it is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	case errors.As(err, &syntax):
		return fmt.Sprintf("no JSON at byte %d", syntax.Offset)
	case errors.As(err, &value) && value.Field != "":
		return fmt.Sprintf("a %s in %q, at byte %d", value.Value, value.Field, value.Offset)
	case errors.As(err, &value):
		return fmt.Sprintf(`a JSON %s instead of an object with "rows", "cols" and "codes"`, value.Value)
	}
	return err.Error()
}

// Write writes the codes as JSON, a line in all.
func (c *Codes) Write(w io.Writer) error {
	return json.NewEncoder(w).Encode(c)
}

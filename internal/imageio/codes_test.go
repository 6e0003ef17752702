package imageio

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCodesRoundTrip(t *testing.T) {
	flat := []int32{1, 2, 3, 4, 5, 6}
	var b bytes.Buffer
	if err := NewCodes(flat, 2, 3, 5).Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := `{"rows":2,"cols":3,"passes":5,"codes":[[1,2,3],[4,5,6]]}` + "\n"; b.String() != want {
		t.Errorf("wrote %s, want %s", b.String(), want)
	}
	got, err := ReadCodes(&b, "x.json", nil)
	if err != nil || got.Rows != 2 || got.Cols != 3 || got.Passes != 5 || !slices.Equal(got.Flat(), flat) {
		t.Errorf("read %+v, %v", got, err)
	}
	b.Reset()
	if err := NewCodes(flat, 3, 2, 0).Write(&b); err != nil || strings.Contains(b.String(), "passes") {
		t.Errorf("%s, %v: passes that were not made are written", b.String(), err)
	}
}

func TestReadCodesSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "x.json: no code file: it is empty",
		`{"rows"`:                             "it ends too early",
		`PNG`:                                 "no JSON at byte 1",
		`[[1]]`:                               `a JSON array instead of an object with "rows", "cols" and "codes"`,
		`{}`:                                  `"rows" is 0 and "cols" is 0`,
		`{"rows":-1,"cols":1,"codes":[[1]]}`:  `"rows" is -1`,
		`{"rows":2,"cols":1,"codes":[[1]]}`:   `"codes" has 1 rows, "rows" says 2`,
		`{"rows":1,"cols":2,"codes":[[1]]}`:   `row 0 of "codes" has 1 codes, "cols" says 2`,
		`{"rows":1,"cols":1,"codes":[[-1]]}`:  "code -1 at row 0, column 0",
		`{"rows":1,"cols":1,"codes":[[1.5]]}`: `a number 1.5 in "codes"`,
		`{"rows":1,"cols":1,"codes":[[9999999999]]}`:                           `a number 9999999999 in "codes"`,
		`{"rows":"1","cols":1,"codes":[[1]]}`:                                  `a string in "rows"`,
		`{"rows":1,"cols":1,"codes":[[1]],"passes":-2}`:                        `"passes" is -2`,
		`{"rows":1,"cols":1,"codes":[[1]]} x`:                                  "data after the end",
		`{"rows":1,"cols":1,"codes":7}`:                                        `a number in "codes"`,
		`{"rows":1,"cols":1,"codes":["1"]}`:                                    `a string in "codes"`,
		`{"rows":1,"cols":1,"codes":[[1]`:                                      "it ends too early",
		`{"rows":1,"cols":1,"codes":[[1]]`:                                     "it ends too early",
		`{"rows":1,"cols":1,"codes":[[1]],}`:                                   "no JSON at byte",
		`{"rows":1,"rows":1,"cols":1,"codes":[[1]]}`:                           `"rows" is there twice`,
		`{"codes":[[1,-1]],"cols":2,"rows":1}`:                                 "code -1 at row 0, column 1",
		`{"codes":[[1],[2]],"cols":1,"rows":1}`:                                `"codes" has 2 rows, "rows" says 1`,
		`{"rows":1,"cols":1,"codes":[[1],[2],`:                                 `"codes" has more rows than the 1 that "rows" says`,
		`{"a":1,"a":2,"rows":1,"cols":1,"codes":[[7,7]]}`:                      `row 0 of "codes" has 2 codes`,
		`{"rows":4294967296,"cols":4294967296,"codes":[[1]]}`:                  "at most 4194304 codes",
		`{"rows":1,"cols":1,"codes":[[1]]` + strings.Repeat(" ", maxCodesFile): "more than 8388608 bytes",
	} {
		_, err := ReadCodes(strings.NewReader(text), "x.json", nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "x.json: ") {
			t.Errorf("%.60s: error %v, want %q", text, err, want)
		}
	}
}

// A grid that does not fit is refused before its codes are read, of which
// there can be many.
func TestReadCodesAsksEarly(t *testing.T) {
	no := errors.New("no")
	for _, head := range []string{`{"rows":3,"cols":1000,`, `{"cols":1000,"rows":3,`, `{"passes":4,"other":[{}],"rows":3,"cols":1000,`} {
		r := iotest.ErrReader(errors.New("read on"))
		_, err := ReadCodes(io.MultiReader(strings.NewReader(head), r), "x.json", func(rows, cols int) error {
			if rows != 3 || cols != 1000 {
				t.Errorf("%s: asked about %d x %d", head, rows, cols)
			}
			return no
		})
		if err != no {
			t.Errorf("%s: %v", head, err)
		}
	}
	// A grid that comes last is asked about, too.
	asked := false
	_, err := ReadCodes(strings.NewReader(`{"codes":[[1]],"rows":1,"cols":1}`), "x.json", func(rows, cols int) error { asked = true; return nil })
	if err != nil || !asked {
		t.Errorf("%v, asked: %v", err, asked)
	}
}

func FuzzReadCodes(f *testing.F) {
	f.Add([]byte(`{"rows":2,"cols":3,"passes":5,"codes":[[1,2,3],[4,5,6]]}`))
	f.Add([]byte(`{"rows":1e9,"cols":1,"codes":[[]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadCodes(bytes.NewReader(data), "x", nil)
		if err != nil {
			return
		}
		if flat := c.Flat(); len(flat) != c.Rows*c.Cols {
			t.Errorf("%d codes for %d x %d", len(flat), c.Rows, c.Cols)
		}
	})
}

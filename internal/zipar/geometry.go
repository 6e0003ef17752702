// Package zipar decodes the grid of image tokens of an autoregressive model,
// several rows at a time: ZipAR (He et al., arXiv 2412.04062). Row i+1 starts
// once row i is a window of tokens ahead, so one forward pass decodes a token
// of every row in flight.
//
// The package decides which slot is decoded when, and which token. It knows
// nothing of the model behind the Model interface; window = columns is plain
// next-token decoding.
//
//	geometry.go  the grid                      schedule.go  which slots a pass decodes
//	noise.go     random numbers by position    sampler.go   logits -> token
//	guidance.go  conditional, unconditional    decode.go    the run loop
//	probation.go adaptive windows              score.go     likelihood of finished grids
package zipar

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Geometry is a grid of image tokens that are decoded in raster order.
type Geometry struct {
	Rows, Cols int
	// RowEnd is the number of constant tokens that end every row but the
	// last (Lumina-mGPT and Emu3 have one). They are known ahead, so a row can
	// start with them. With none a row starts with a proxy; see Schedule.
	RowEnd int
}

// maxTokens bounds a grid. The largest published models have under 10,000.
const maxTokens = 1 << 20

// Check returns an error unless the grid has at least one token and a size
// that a machine can hold.
func (g Geometry) Check() error {
	if g.RowEnd < 0 || g.RowEnd > 16 {
		return fmt.Errorf("%d tokens at the end of a row: want 0 to 16", g.RowEnd)
	}
	if g.Rows < 1 || g.Cols < 1 || g.Rows > maxTokens || g.Cols > maxTokens || g.Rows*g.Cols > maxTokens {
		return fmt.Errorf("a grid of %d rows and %d columns: want at least 1 x 1 and at most %d tokens", g.Rows, g.Cols, maxTokens)
	}
	return nil
}

// Tokens is the number of tokens in the grid.
func (g Geometry) Tokens() int { return g.Rows * g.Cols }

// Index is the place of an image token's slot in raster order.
func (g Geometry) Index(s Slot) int { return s.Row*g.Cols + s.Col }

// Position is the place of a slot in the model's sequence, counted from the
// first image token on: rows are followed by their constant tokens.
func (g Geometry) Position(s Slot) int { return s.Row*(g.Cols+g.RowEnd) + s.Col }

// Window returns the window that a user's number means: 0 and anything that
// is at least the number of columns are next-token decoding, which is a
// window of all columns.
func (g Geometry) Window(n int) int {
	if n <= 0 || n > g.Cols {
		return g.Cols
	}
	return n
}

// String is rows x columns, as the command line takes it, and the constant
// tokens at the end of a row if there are any: 16x16, 48x48+1.
func (g Geometry) String() string {
	if g.RowEnd > 0 {
		return fmt.Sprintf("%dx%d+%d", g.Rows, g.Cols, g.RowEnd)
	}
	return fmt.Sprintf("%dx%d", g.Rows, g.Cols)
}

// ParseGeometry reads "RxC", rows x columns.
func ParseGeometry(s string) (Geometry, error) {
	rows, cols, _ := strings.Cut(s, "x")
	r, errRows := strconv.Atoi(rows)
	c, errCols := strconv.Atoi(cols)
	if errRows != nil || errCols != nil {
		return Geometry{}, fmt.Errorf("grid %q: want ROWSxCOLUMNS, such as 16x16", s)
	}
	g := Geometry{Rows: r, Cols: c}
	if err := g.Check(); err != nil {
		return Geometry{}, err
	}
	return g, nil
}

// A Slot is one place of the grid, counted from 0. Columns from Geometry.Cols
// on are the constant tokens at the end of a row.
type Slot struct {
	Row, Col int
}

var inf32 = float32(math.Inf(1))

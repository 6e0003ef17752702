package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// interruption is the end of a run by a signal. left says what it leaves.
type interruption struct{ left string }

func (e *interruption) Error() string { return "interrupted: " + e.left }

// Unwrap makes it an interruption for exitCode.
func (e *interruption) Unwrap() error { return context.Canceled }

// errInterrupted is the end by a signal of what writes its output at the end.
var errInterrupted = &interruption{"nothing was written"}

// salvage keeps what is decoded when err is the end of the context: pictures
// of which all rows are decoded get their files, of the others the complete
// rows become a smaller picture, NAME.partial.png. pictures are those of a
// group that are not written yet, the first of them has this number.
//
// It returns err, or the interruption that says what was written. The second
// signal ends the process, this work included.
func (r *generateRequest) salvage(ctx context.Context, err error, pool *tensor.Pool, vq *vqgan.Decoder, pictures []zipar.Picture, number int, seed uint64) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	r.ui.remark("interrupted: writing what is decoded; interrupt again to stop at once")
	ctx = context.WithoutCancel(ctx)
	r.views = &views{viewFlags: viewFlags{preview: previewNone}} // animations would take long
	finished := number
	var saved []string
	for i, p := range pictures {
		rows := completeRows(p)
		var err error
		switch {
		case rows == p.Grid.Rows:
			err = r.finish(ctx, pool, vq, p, number+i, seed+uint64(number+i))
			finished++
		case rows > r.keepRows && !special(r.out):
			var path string
			path, err = r.savePartial(ctx, pool, vq, p, rows, number+i)
			saved = append(saved, fmt.Sprintf("rows 1 to %d of %d are in %s", rows, p.Grid.Rows, path))
		}
		if err != nil {
			return &interruption{fmt.Sprintf("what was decoded could not be written: %v", err)}
		}
	}
	return &interruption{leftText(finished, r.batch, saved, special(r.out))}
}

// leftText says what an interrupted run leaves.
func leftText(finished, batch int, saved []string, special bool) string {
	const most = 3
	if n := len(saved); n > most {
		saved = append(saved[:most:most], fmt.Sprintf("and so on for %d pictures", n))
	}
	text := strings.Join(saved, ", ")
	if text == "" {
		text = "no row was complete, nothing was written"
		if special {
			text = "nothing was written, as the picture was not to go to a file"
		}
	}
	switch {
	case finished == 0:
		return text
	case len(saved) == 0:
		return fmt.Sprintf("%d of %d pictures are finished", finished, batch)
	}
	return fmt.Sprintf("%d of %d pictures are finished; %s", finished, batch, text)
}

// partialKey is the key of the rows that a partial picture has.
const partialKey = "Partial rows"

// savePartial writes the first rows of a picture, and their codes if codes are
// asked for, and returns the name of the picture's file.
func (r *generateRequest) savePartial(ctx context.Context, pool *tensor.Pool, vq *vqgan.Decoder, p zipar.Picture, rows, number int) (string, error) {
	codes := p.Codes[:rows*p.Grid.Cols]
	if r.codes != "" && !special(r.codes) {
		path := partialName(numbered(r.codes, number, r.batch))
		if err := writeFile(path, imageio.NewCodes(codes, rows, p.Grid.Cols, p.Passes).Write); err != nil {
			return "", err
		}
	}
	im, err := vq.Decode(ctx, pool, codes, rows, p.Grid.Cols, r.ui.layers("pixels"))
	r.ui.done()
	if err != nil {
		return "", err
	}
	path := partialName(numbered(r.out, number, r.batch))
	says := imageio.Field{Key: partialKey, Value: fmt.Sprintf("%d of %d", rows, p.Grid.Rows)}
	return path, writePicture(path, imageio.RGB(im.Data, im.H, im.W), r.texts(number, p, im.W, im.H, says)...)
}

// completeRows is the number of rows from the top in which all is decoded.
func completeRows(p zipar.Picture) int {
	if i := slices.Index(p.Codes, -1); i >= 0 {
		return i / p.Grid.Cols
	}
	return p.Grid.Rows
}

// partialName is the name of a file for the rows so far of the file at path.
func partialName(path string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + ".partial" + ext
}

// special says that an output is no file: standard output, a device, a pipe.
func special(path string) bool {
	if path == stdoutName {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular()
}

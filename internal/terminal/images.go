package terminal

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/iterm2"
	"github.com/charmbracelet/x/ansi/kitty"
)

// kittyImage writes a picture in cols x rows cells by kitty's graphics
// protocol. It takes the place of the one with this id, and the terminal does
// not answer.
func kittyImage(b *bytes.Buffer, im image.Image, cols, rows int, id uint32) error {
	return kitty.EncodeGraphics(b, im, &kitty.Options{
		Action: kitty.TransmitAndPut, Format: kitty.PNG, Transmission: kitty.Direct, Chunk: true,
		ID: int(id), PlacementID: 1, Columns: cols, Rows: rows, DoNotMoveCursor: true, Quiet: 2,
	})
}

// itermImage writes a picture in cols x rows cells as an inline image of iTerm2.
func itermImage(b *bytes.Buffer, im image.Image, cols, rows int) error {
	var data bytes.Buffer
	if err := png.Encode(&data, im); err != nil {
		return err
	}
	b.WriteString(ansi.ITerm2(iterm2.File{
		Inline: true, Size: int64(data.Len()), Width: iterm2.Cells(cols), Height: iterm2.Cells(rows), IgnoreAspectRatio: true,
		Content: []byte(base64.StdEncoding.EncodeToString(data.Bytes())),
	}))
	return nil
}

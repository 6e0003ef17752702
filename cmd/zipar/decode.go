package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
)

func newDecodeCommand() *cobra.Command {
	var u ui
	var files modelFiles
	var out string
	cmd := &cobra.Command{
		Use:   ifBuiltIn("decode --out IMG.png CODES.json", "decode -m FILE --out IMG.png CODES.json"),
		Short: "Turn image tokens into a picture",
		Long: `Turn a file of image tokens, as generate --codes and encode write it, into a
picture. Give the model that the tokens are from: to others they mean something
else. A model file needs an image tokenizer (VQ) only.`,
		Example: `  zipar decode -m c2i-B-256.gguf --out dog.png dog.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			defer files.close()
			defer u.done()
			if err := checkOutput("--out", out); err != nil {
				return err
			}
			vq, err := files.decoder()
			if err != nil {
				return err
			}
			codes, err := readCodes(args[0], func(rows, cols int) error { return checkGrid(&u, vq, args[0], rows, cols) })
			if err != nil {
				return err
			}
			pool, err := files.pool()
			if err != nil {
				return err
			}
			defer pool.Close()
			if err := checkCodes(args[0], codes, vq.Codes()); err != nil {
				return err
			}
			return decodeCodes(cmd.Context(), &u, pool, vq, codes, out)
		},
	}
	f := cmd.Flags()
	files.addFlags(f)
	f.StringVarP(&out, "out", "o", "output.png", "write the picture to this PNG `FILE`; - is standard output")
	u.addFlags(f)
	return cmd
}

// readCodes reads a code file whose grid fits; "-" is standard input.
func readCodes(path string, fits func(rows, cols int) error) (*imageio.Codes, error) {
	if path == stdoutName {
		return imageio.ReadCodes(os.Stdin, "standard input", fits)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return imageio.ReadCodes(f, path, fits)
}

// checkGrid refuses codes whose picture would be too large for zipar to read, or
// for the memory. path is where they come from.
func checkGrid(u *ui, vq *vqgan.Decoder, path string, rows, cols int) error {
	if err := imageio.CheckSize(path, cols*vq.PixelsPerToken, rows*vq.PixelsPerToken); err != nil {
		return err
	}
	if err := (memoryNeed{pixels: vq.Bytes(rows, cols)}).check(u); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// checkCodes refuses codes that the image tokenizer does not know. path is
// where they come from.
func checkCodes(path string, c *imageio.Codes, limit int) error {
	for i, code := range c.Flat() {
		if int(code) >= limit {
			return fmt.Errorf("%s: code %d at row %d, column %d: this image tokenizer has the codes 0 to %d", path, code, i/c.Cols, i%c.Cols, limit-1)
		}
	}
	return nil
}

func decodeCodes(ctx context.Context, u *ui, pool *tensor.Pool, vq *vqgan.Decoder, codes *imageio.Codes, out string) error {
	im, err := vq.Decode(ctx, pool, codes.Flat(), codes.Rows, codes.Cols, u.layers("pixels"))
	u.done()
	if err != nil {
		return err
	}
	if err := writePicture(out, imageio.RGB(im.Data, im.H, im.W)); err != nil {
		return err
	}
	u.remark("%s: %d x %d pixels", out, im.W, im.H)
	return nil
}

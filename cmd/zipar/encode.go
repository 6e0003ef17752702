package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/vqgan"
)

func newEncodeCommand() *cobra.Command {
	var u ui
	var files modelFiles
	var out string
	cmd := &cobra.Command{
		Use:   ifBuiltIn("encode --codes F.json IMG.png", "encode -m FILE --codes F.json IMG.png"),
		Short: "Turn a picture into image tokens",
		Long: `Turn a PNG picture into image tokens. Its width and height must be multiples of
the size of a token, ` + ifBuiltIn(`16 pixels for most models, 8 for the built-in one. A model
file needs an image tokenizer (VQ) with its encoder only.`, `16 pixels for most models. The model file needs an image
tokenizer (VQ) with its encoder only.`),
		Example: `  zipar encode -m vq-16.gguf --codes photo.json photo.png`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			defer files.close()
			defer u.done()
			if out == "" {
				return usagef("--codes FILE says where the image tokens go; - is standard output")
			}
			if err := checkOutput("--codes", out); err != nil {
				return err
			}
			picture, err := readPicture(args[0])
			if err != nil {
				return err
			}
			f, err := files.tokenizerFile()
			if err != nil {
				return err
			}
			vq, err := vqgan.NewEncoder(f)
			if err != nil {
				return badModel(err)
			}
			pool, err := files.pool()
			if err != nil {
				return err
			}
			defer pool.Close()
			need := memoryNeed{pixels: vq.Bytes(picture.H, picture.W)}
			if err := need.check(&u); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			codes, rows, cols, err := vq.Encode(cmd.Context(), pool, picture, u.layers("tokens"))
			u.done()
			if err != nil {
				return err
			}
			if err := writeFile(out, imageio.NewCodes(codes, rows, cols, 0).Write); err != nil {
				return err
			}
			u.remark("%s: %d rows of %d tokens", out, rows, cols)
			return nil
		},
	}
	f := cmd.Flags()
	files.addFlags(f)
	f.StringVar(&out, "codes", "", "write the image tokens to this JSON `FILE`; - is standard output")
	u.addFlags(f)
	return cmd
}

// readPicture reads a PNG file.
func readPicture(path string) (*tensor.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values, h, w, err := imageio.ReadPNG(f, path)
	if err != nil {
		return nil, err
	}
	return &tensor.Image{H: h, W: w, C: 3, Data: values}, nil
}

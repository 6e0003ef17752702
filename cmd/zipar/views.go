package main

import (
	"context"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/tensor"
	"github.com/zipar/zipar/internal/terminal"
	"github.com/zipar/zipar/internal/vqgan"
	"github.com/zipar/zipar/internal/zipar"
)

// viewFlags ask for pictures of the decoding.
type viewFlags struct {
	animate, stepMap     string
	preview, previewPath string
	interval             int
	show                 bool
}

// The values of --preview.
const (
	previewNone = "none"
	previewProj = "proj" // colours of the codes, a guess that costs nothing
	previewVAE  = "vae"  // the picture so far, by the VQ decoder
)

func (v *viewFlags) addFlags(f *pflag.FlagSet) {
	f.StringVar(&v.animate, "animate", "", "also draw the rows filling in, as a GIF `FILE`; takes as long as the pixels of 16 pictures")
	f.StringVar(&v.stepMap, "step-map", "", "also draw the pass of each token, as a PNG `FILE`")
	f.StringVar(&v.preview, "preview", previewNone, "draw the picture so far while it decodes, by `MODE` proj, a quick guess, or vae, which takes as long as the pixels do")
	f.StringVar(&v.previewPath, "preview-path", "preview.png", "write previews to this PNG `FILE`")
	f.IntVar(&v.interval, "preview-interval", 1, "write a preview each time so many `ROWS` are complete")
	f.BoolVar(&v.show, "show", false, "show the picture in the terminal, too, while it decodes and when it is done")
}

// check looks at what can be known before a model is read. That no file has
// the name of another is checkNames' business.
func (v *viewFlags) check(flags *pflag.FlagSet, batch int) error {
	switch v.preview {
	case previewNone, previewProj, previewVAE:
	default:
		return usagef("--preview %q: want none, proj or vae", v.preview)
	}
	for _, name := range []string{"preview-path", "preview-interval"} {
		if flags.Changed(name) && v.preview == previewNone {
			return usagef("--%s needs --preview proj or vae", name)
		}
	}
	if v.interval < 1 {
		return usagef("--preview-interval %d: want 1 row or more", v.interval)
	}
	if ext := filepath.Ext(v.animate); v.animate != "" && v.animate != stdoutName && !strings.EqualFold(ext, ".gif") {
		return usagef("--animate %s: want the name of a GIF file, .gif", v.animate)
	}
	if v.preview != previewNone && (v.previewPath == "" || v.previewPath == stdoutName) {
		return usagef("--preview-path %q: want the name of a PNG file", v.previewPath)
	}
	for _, f := range []struct{ flag, path string }{{"--animate", v.animate}, {"--step-map", v.stepMap}} {
		if f.path == stdoutName && batch > 1 {
			return usagef("%s -: nothing else can go to standard output", f.flag)
		}
	}
	return nil
}

// views draws pictures of the decoding.
type views struct {
	viewFlags
	ui     *ui
	pool   *tensor.Pool
	vq     *vqgan.Decoder
	batch  int
	screen *terminal.Screen // nil where nothing is shown
	colour *vqgan.Preview   // of the codes; nil where not needed

	first    int           // the number of the group's first picture
	rows     int           // complete at the last preview
	lastShow time.Time     // of the screen
	spent    time.Duration // on pictures of the group's decoding
	drawn    int           // of these
	err      error         // the first failure of a preview
}

// start gets ready what the flags ask for. outputs are the other files that
// are written.
func (v viewFlags) start(ctx context.Context, u *ui, pool *tensor.Pool, vq *vqgan.Decoder, batch int, outputs ...string) (*views, error) {
	s := &views{viewFlags: v, ui: u, pool: pool, vq: vq, batch: batch}
	if v.show {
		s.openScreen(slices.Contains(append(outputs, v.animate, v.stepMap), stdoutName))
	}
	if v.preview == previewProj || s.live() && v.preview == previewNone {
		began := time.Now()
		var err error
		if s.colour, err = vq.Preview(ctx, pool); err != nil {
			return nil, err
		}
		if !vq.HasPreview() {
			u.detail("colours of codes fitted in %s", since(began))
		}
	}
	return s, nil
}

// finish draws what there is to draw of a picture whose decoding is complete.
// im shows its codes.
func (s *views) finish(ctx context.Context, p zipar.Picture, number int, im *image.NRGBA) error {
	if s.preview != previewNone && s.err == nil {
		if err := writePicture(numbered(s.previewPath, number, s.batch), im); err != nil {
			return err
		}
	}
	if s.screen != nil {
		if err := s.display(im); err != nil {
			return err
		}
		s.screen.Keep()
	}
	if s.stepMap != "" {
		path := numbered(s.stepMap, number, s.batch)
		if err := writePicture(path, stepMap(p).Draw()); err != nil {
			return err
		}
		s.wrote(path)
	}
	if s.animate == "" {
		return nil
	}
	path := numbered(s.animate, number, s.batch)
	began := time.Now()
	a, err := s.animation(ctx, p, im)
	if err != nil {
		return err
	}
	if err := writeFile(path, a.Write); err != nil {
		return err
	}
	s.ui.detail("%d frames in %s", a.Frames(), since(began))
	s.wrote(path)
	return nil
}

func (s *views) wrote(path string) {
	if path != stdoutName {
		s.ui.remark("%s", path)
	}
}

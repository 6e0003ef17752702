package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/spf13/pflag"

	"github.com/zipar/zipar/internal/contactsheet"
	"github.com/zipar/zipar/internal/family"
	"github.com/zipar/zipar/internal/imageio"
	"github.com/zipar/zipar/internal/tensor"
)

// maxBatch bounds the pictures of a run.
const maxBatch = 1 << 20

// batchFlags ask for several pictures.
type batchFlags struct {
	batch      int // for each prompt; after check of the whole run
	promptFile string
	resume     bool
	sheetPath  string

	lines      []string // of the prompt file
	perSubject int      // pictures of each prompt
	subjects   []subject
	seed       uint64 // of the first picture
	done       []bool // which pictures an earlier run has drawn; nil without --resume
	sheet      *contactsheet.Sheet
}

func (b *batchFlags) addFlags(f *pflag.FlagSet) {
	f.IntVarP(&b.batch, "batch-count", "b", 1, "pictures to draw, of each prompt; without a %d in --out their files get -1, -2, ... before the extension")
	f.StringVar(&b.promptFile, "prompt-file", "", "draw every prompt (or class) in this text `FILE`, one a line; empty lines and lines that start with # are skipped; - is standard input")
	f.BoolVar(&b.resume, "resume", false, "skip pictures that an earlier run with the same settings has drawn")
	f.StringVar(&b.sheetPath, "contact-sheet", "", "also draw all pictures of the run, small, into this PNG `FILE`")
}

// checkBatch looks at what can be known before a model is read, and reads the
// prompts.
func (r *generateRequest) checkBatch() error {
	c := r.condition
	switch {
	case r.batch < 1 || r.batch > maxBatch:
		return usagef("--batch-count %d: want 1 to %d", r.batch, maxBatch)
	case r.promptFile != "" && (c.prompt != "" || c.class != "" || c.caption != "" || c.save != ""):
		return usagef("--prompt-file %s: it excludes --prompt, --class, --caption-embedding and --save-embedding", r.promptFile)
	case r.resume && r.noMetadata:
		return usagef("--resume knows pictures by their metadata: it excludes --disable-image-metadata")
	case r.resume && r.out == stdoutName:
		return usagef("--resume: there is nothing to go on with on standard output")
	case r.sheetPath == stdoutName && (r.out == stdoutName || r.codes == stdoutName):
		return usagef("--contact-sheet -: nothing else can go to standard output")
	}
	r.perSubject = r.batch
	if r.promptFile != "" {
		var err error
		if r.lines, err = readPrompts(r.promptFile); err != nil {
			return err
		}
		if len(r.lines) > maxBatch/r.batch {
			return usagef("%d prompts with --batch-count %d: want at most %d pictures", len(r.lines), r.batch, maxBatch)
		}
		r.batch *= len(r.lines)
	}
	if r.sheetPath != "" && r.batch > contactsheet.Max {
		return usagef("--contact-sheet %s: %d pictures, want at most %d", r.sheetPath, r.batch, contactsheet.Max)
	}
	return nil
}

// checkNames makes sure that all files of the run have names of their own and
// can be written.
func (r *generateRequest) checkNames() error {
	type output struct {
		flag, path string
		each       bool // one for each picture
	}
	outputs := []output{
		{"--out", r.out, true}, {"--codes", r.codes, true},
		{"--contact-sheet", r.sheetPath, false}, {"--save-embedding", r.condition.save, false},
		{"--animate", r.view.animate, true}, {"--step-map", r.view.stepMap, true},
	}
	if r.view.preview != previewNone {
		outputs = append(outputs, output{"--preview-path", r.view.previewPath, true})
	}
	taken := map[string]string{}
	folders := map[string]bool{}
	for _, o := range outputs {
		if o.path == "" {
			continue
		}
		if o.path == stdoutName {
			if other, ok := taken[stdoutName]; ok {
				return usagef("%s -: nothing else can go to standard output, and %s does", o.flag, other)
			}
			taken[stdoutName] = o.flag
			continue
		}
		n := 1
		if o.each {
			n = r.batch
		}
		for i := range n {
			path := o.path
			if o.each {
				path = numbered(path, i, n)
			}
			path = filepath.Clean(path)
			if other, ok := taken[path]; ok {
				return usagef("%s %s: %s has the same name", o.flag, path, other)
			}
			taken[path] = o.flag
			if folder := filepath.Dir(path); i == 0 || !folders[folder] {
				if err := checkOutput(o.flag, path); err != nil {
					return err
				}
				folders[folder] = true
			}
		}
	}
	return nil
}

// subject is what a picture is to show. number counts them from 0.
func (r *generateRequest) subject(number int) *subject { return &r.subjects[number/r.perSubject] }

// firstSeed is the seed of the run's first picture: the one that was given;
// with --resume that of the earlier run, if a picture of it is there; or one
// that is drawn.
func (r *generateRequest) firstSeed() (uint64, error) {
	seed := r.sampling.seed
	if r.resume && seed == -1 {
		for i := range r.batch {
			p, err := readParameters(numbered(r.out, i, r.batch))
			if err == nil && p.Seed >= uint64(i) && p.Prompt == r.subject(i).text {
				return p.Seed - uint64(i), nil
			}
		}
	}
	first, err := r.sampling.firstSeed()
	if err == nil && first > math.MaxInt64-uint64(r.batch) {
		return 0, usagef("--seed %d: the seeds of %d pictures from there on are above %d", first, r.batch, int64(math.MaxInt64))
	}
	return first, err
}

// findDone finds the pictures that an earlier run has drawn.
func (r *generateRequest) findDone(ctx context.Context, model family.Model, pool *tensor.Pool) error {
	if !r.resume {
		return nil
	}
	if r.condition.caption != "" {
		// The features tell it from other captions.
		if err := r.conditions(ctx, model, pool, 0, 1); err != nil {
			return err
		}
	}
	r.done = make([]bool, r.batch)
	n := 0
	for i := range r.done {
		if r.done[i] = r.isDone(i); r.done[i] {
			n++
		}
	}
	r.ui.remark("%d of %d pictures are there already", n, r.batch)
	return nil
}

// isDone says whether the files of a picture are there. The version and the
// CPU level may be others: the picture was asked for all the same.
func (r *generateRequest) isDone(number int) bool {
	p, err := readParameters(numbered(r.out, number, r.batch))
	if err != nil {
		return false
	}
	want := r.expected(number)
	p.Steps, p.Width, p.Height = 0, 0, 0
	p.Version, p.CPU = want.Version, want.CPU
	if want.Prompt != "" {
		// The prompt and the text encoder tell as much.
		p.CaptionHash = want.CaptionHash
	}
	if !reflect.DeepEqual(*p, want) {
		return false
	}
	for _, path := range []string{r.codes, r.view.animate, r.view.stepMap} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(numbered(path, number, r.batch)); err != nil {
			return false
		}
	}
	return true
}

// dropPartial removes what an interrupted run left of a picture that is
// complete now.
func (r *generateRequest) dropPartial(number int) {
	if !r.resume {
		return
	}
	path := partialName(numbered(r.out, number, r.batch))
	p, err := readParameters(path)
	if err != nil || p.Prompt != r.subject(number).text || p.Seed != r.seed+uint64(number) ||
		!slices.ContainsFunc(p.More, func(f imageio.Field) bool { return f.Key == partialKey }) {
		return
	}
	os.Remove(path)
	if r.codes != "" {
		os.Remove(partialName(numbered(r.codes, number, r.batch)))
	}
}

// next returns the first picture from number on that is not done, and how many
// are decoded with it, most at a time.
func (r *generateRequest) next(number, most int) (first, n int, err error) {
	for ; r.done != nil && number < r.batch && r.done[number]; number++ {
		if err := r.addDone(number); err != nil {
			return 0, 0, err
		}
	}
	for n < most && number+n < r.batch && (r.done == nil || !r.done[number+n]) {
		n++
	}
	return number, n, nil
}

// conditions makes the conditions of n pictures, and those of some after them
// if prompts have to be encoded. Those of pictures before them are dropped.
func (r *generateRequest) conditions(ctx context.Context, model family.Model, pool *tensor.Pool, first, n int) error {
	from, to := first/r.perSubject, (first+n-1)/r.perSubject
	missing := false
	for i := range r.subjects {
		if i < from {
			r.subjects[i].condition = nil
		}
		missing = missing || i >= from && i <= to && r.subjects[i].condition == nil
	}
	if !missing {
		return nil
	}
	var group []*subject
	for i := from; i < len(r.subjects) && (i <= to || len(group) < promptGroup); i++ {
		if s := &r.subjects[i]; s.condition == nil && !r.subjectDone(i) {
			group = append(group, s)
		}
	}
	if err := r.condition.conditions(ctx, &r.ui, &r.files, model, pool, group); err != nil {
		return err
	}
	r.warnIfOtherCaption(group[0])
	return nil
}

// subjectDone says that all pictures of a prompt are there.
func (r *generateRequest) subjectDone(i int) bool {
	for k := range r.perSubject {
		if r.done == nil || !r.done[i*r.perSubject+k] {
			return false
		}
	}
	return true
}

// addSheet adds a picture to the contact sheet.
func (r *generateRequest) addSheet(number int, im image.Image) {
	if r.sheetPath == "" {
		return
	}
	if r.sheet == nil {
		r.sheet = contactsheet.New(r.batch, im.Bounds().Size())
	}
	r.sheet.Add(im, fmt.Sprintf("%d  seed %d", number+1, r.seed+uint64(number)), r.subject(number).text)
}

// addDone adds a picture of an earlier run to the contact sheet.
func (r *generateRequest) addDone(number int) error {
	if r.sheetPath == "" {
		return nil
	}
	im, err := readPicture(numbered(r.out, number, r.batch))
	if err != nil {
		return err
	}
	r.addSheet(number, imageio.RGB(im.Data, im.H, im.W))
	return nil
}

// writeSheet writes the contact sheet.
func (r *generateRequest) writeSheet() error {
	if r.sheetPath == "" {
		return nil
	}
	if r.sheet == nil {
		return errors.New("--contact-sheet: no picture to draw")
	}
	if err := writePicture(r.sheetPath, r.sheet.Draw()); err != nil {
		return err
	}
	if r.sheetPath != stdoutName {
		r.ui.remark("%s: %d pictures", r.sheetPath, r.batch)
	}
	return nil
}

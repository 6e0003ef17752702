package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/zipar/zipar/internal/convert"
	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/pull"
)

// pullRequest is what the flags of pull ask for.
type pullRequest struct {
	ui                    ui
	typ, out, textEncoder string
	keep, force           bool

	home  string
	model pull.Model
	files []pullFile
	start int64 // of the bar: bytes that were there before
}

// pullFile is a file to fetch.
type pullFile struct {
	pull.Source
	path string
	info pull.Info
}

// noTextEncoder is the value of --text-encoder that leaves it out.
const noTextEncoder = "none"

func newPullCommand() *cobra.Command {
	var r pullRequest
	cmd := &cobra.Command{
		Use:   "pull [NAME]",
		Short: "Fetch an official model and make a model file of it",
		Long: `Fetch the official checkpoints of a model from the Hugging Face hub and make
one model file of them, which holds all that drawing takes. Commands then find
it by its name, as in -m c2i-B-256. Without NAME the models are listed. This is
the only command that contacts a network.

A download that was interrupted goes on where it stopped. Its size is checked,
and its sha256 where the hub tells it. Small models keep 16 bits a weight, the
larger ones get q8_0, half of that; --type chooses.

  ZIPAR_HOME    models lie in its folder models (default: zipar in
                $XDG_DATA_HOME, ~/.local/share, ~/Library/Application Support
                or %LocalAppData%); a file models.txt in it adds models
  HF_ENDPOINT   another address of the hub
  HF_TOKEN      a token, sent to the hub alone; else the one in HF_HOME
  HF_HOME       files that the hub's own tools have fetched are used from here`,
		Example: `  zipar pull
  zipar pull c2i-B-256
  zipar pull t2i-XL-512 --type f16
  zipar pull t2i-XL-256 --text-encoder flan-t5-xl.gguf`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if r.home, err = pull.Home(); err != nil {
				return err
			}
			models, err := pull.Models(r.home)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return listModels(cmd.OutOrStdout(), r.home, models)
			}
			var ok bool
			if r.model, ok = pull.Find(models, args[0]); !ok {
				return usagef("pull %.80q: there is no model of this name; `zipar pull` lists them", args[0])
			}
			return r.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&r.typ, "type", "", "`TYPE` of matrices: f32, f16, bf16 or q8_0 (default: the list's)")
	f.StringVarP(&r.out, "out", "o", "", "write the model to `FILE` instead of the models folder")
	f.StringVar(&r.textEncoder, "text-encoder", "", "take the text encoder from `DIR|GGUF` instead of fetching it; none leaves it out")
	f.BoolVar(&r.keep, "keep", false, "keep what was downloaded")
	f.BoolVar(&r.force, "force", false, "make the model again although it is there")
	r.ui.addFlags(f)
	return cmd
}

func (r *pullRequest) run(ctx context.Context) error {
	defer r.ui.done()
	o, err := r.options()
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.Out); err == nil && !r.force {
		r.ui.remark("%s is there already; --force makes it again", o.Out)
		return nil
	}
	hub, err := pull.FromEnvironment()
	if err != nil {
		return usageError{err}
	}
	hub.Notice = func(err error, wait time.Duration) { r.ui.warn("%s; again in %s", err, wait.Round(time.Second)) }
	unlock, err := pull.Lock(r.home)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.MkdirAll(filepath.Dir(pull.ModelPath(r.home, r.model.Name)), 0o777); err != nil {
		return err
	}
	if err := checkOutput("--out", o.Out); err != nil {
		return err
	}
	if err := r.find(ctx, hub, &o); err != nil {
		return err
	}
	if err := r.checkSpace(o.Out); err != nil {
		return err
	}
	if err := r.fetch(ctx, hub); err != nil {
		return err
	}
	return r.convert(ctx, o)
}

// options are those of the conversion, but for the inputs.
func (r *pullRequest) options() (convert.Options, error) {
	m := r.model
	if r.typ == "" {
		r.typ = m.Type
	}
	o := convert.Options{Out: r.out, Name: m.Name}
	var err error
	if o.Type, err = ggml.ParseType(r.typ); err != nil {
		return o, usagef("--type %s: want f32, f16, bf16 or q8_0", r.typ)
	}
	switch {
	case o.Out == stdoutName:
		return o, usagef("--out -: a model goes into a file, not to standard output")
	case o.Out == "":
		o.Out = pull.ModelPath(r.home, m.Name)
	}
	switch {
	case r.textEncoder == "":
	case m.Text == nil || m.Main == nil:
		return o, usagef("--text-encoder %s: %s takes none", r.textEncoder, m.Name)
	case r.textEncoder != noTextEncoder:
		if o.TextEncoder, err = modelFile(r.textEncoder); err != nil {
			return o, err
		}
		if _, err := os.Stat(o.TextEncoder); err != nil {
			return o, fmt.Errorf("--text-encoder: %w", err)
		}
	}
	if m.Main != nil {
		o.Grid = &convert.Grid{Rows: m.Rows, Cols: m.Cols}
	}
	if m.Heads != 0 {
		o.Heads = &m.Heads
	}
	return o, nil
}

// find asks the hub for all files and tells the conversion where they will be.
func (r *pullRequest) find(ctx context.Context, hub *pull.Hub, o *convert.Options) error {
	m := r.model
	sources := []pull.Source{}
	if m.VQ != nil {
		sources = append(sources, m.VQ.Source)
		o.VQ = m.VQ.Path(r.home)
	}
	if m.Main != nil {
		sources = append(sources, m.Main.Source)
		o.Checkpoint = m.Main.Path(r.home)
	} else {
		o.Checkpoint, o.VQ = o.VQ, ""
	}
	if m.Text != nil && r.textEncoder == "" {
		o.TextEncoder = pull.Folder(r.home, m.Text.Repo)
		text, err := hub.TextEncoder(ctx, m.Text.Source, o.TextEncoder)
		if err != nil {
			return err
		}
		sources = append(sources, text...)
	}
	for _, s := range sources {
		info, err := hub.Stat(ctx, s)
		if err != nil {
			return err
		}
		r.files = append(r.files, pullFile{s, s.Path(r.home), info})
	}
	return nil
}

// checkSpace compares what is still missing with what the disk has free.
func (r *pullRequest) checkSpace(out string) error {
	var missing, all int64
	for _, f := range r.files {
		size := max(f.info.Size, 0)
		all += size
		if !pull.Have(f.path, f.info) {
			missing += max(0, size-pull.Partial(f.path, f.info))
		}
	}
	// The table's figure is close; without one the file is at most as large as what it is made of.
	size := r.model.FileBytes(r.typ)
	if size == 0 {
		size = all
	}
	r.ui.remark("%s: %s to fetch, a model file of about %s", r.model.Name, pull.Bytes(missing), pull.Bytes(size))
	if r.out == "" {
		return pull.CheckSpace(r.home, missing+size)
	}
	if err := pull.CheckSpace(r.home, missing); err != nil {
		return err
	}
	return pull.CheckSpace(filepath.Dir(out), size)
}

// fetch downloads what is not there.
func (r *pullRequest) fetch(ctx context.Context, hub *pull.Hub) error {
	for _, f := range r.files {
		switch {
		case pull.Have(f.path, f.info):
			r.ui.detail("%s is there", f.Source)
		case pull.FromCache(f.Source, f.info, f.path):
			r.ui.detail("%s: taken from HF_HOME", f.Source)
		default:
			r.ui.detail("fetching %s", f.Source)
			err := hub.Download(ctx, f.Source, f.path, func(done, total int64) { r.transfer(filepath.Base(f.File), done, total) })
			r.ui.done()
			if errors.Is(err, context.Canceled) {
				return &interruption{"what was fetched is kept, the same command goes on from there"}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// transfer moves the bar of a download: bytes, speed and the time left. What was there before does not count, as it would
// for the speed.
func (r *pullRequest) transfer(name string, done, total int64) {
	if !r.ui.interactive() {
		return
	}
	if done < r.start {
		r.ui.done() // the server began anew
	}
	if r.ui.bar == nil {
		if r.start = done; done > 0 {
			name += ", after " + pull.Bytes(done)
		}
		rest := int64(-1)
		if total >= 0 {
			rest = total - done
		}
		r.ui.bar = progressbar.NewOptions64(rest,
			progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionSetDescription(name),
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowBytes(true),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	r.ui.bar.Set64(done - r.start)
}

// convert makes the model file and removes what it was made of.
func (r *pullRequest) convert(ctx context.Context, o convert.Options) error {
	request := convertRequest{ui: r.ui, options: o}
	err := request.convert(ctx)
	var bad modelError
	if err != nil && !errors.As(err, &bad) {
		return err
	}
	for _, f := range r.files {
		// What nobody could check may be what was wrong: the next pull must not find it.
		if err == nil && !r.keep || err != nil && f.info.SHA256 == "" {
			if err := pull.Remove(f.path); err != nil {
				r.ui.warn("%s", err)
			}
		}
	}
	if err == nil {
		os.Remove(filepath.Join(r.home, "downloads")) // only if it is empty
	}
	return err
}

// listModels prints the table of models.
func listModels(w io.Writer, home string, models []pull.Model) error {
	rows := [][]string{{"NAME", "DRAWS", "DOWNLOAD", "FILE", "MEMORY", "LICENCE", "HERE"}}
	about := func(n int64) string {
		if n == 0 {
			return "-"
		}
		return pull.Bytes(n)
	}
	for _, m := range models {
		here := "-"
		if info, err := os.Stat(pull.ModelPath(home, m.Name)); err == nil {
			here = pull.Bytes(info.Size())
		}
		file, memory := about(m.FileBytes(m.Type)), "-"
		if m.FileBytes(m.Type) > 0 {
			memory = about(m.MemoryBytes(m.Type))
		}
		rows = append(rows, []string{m.Name, drawsWhat(m), about(m.DownloadBytes()), file + " " + m.Type, memory, m.Licence, here})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nModels lie in %s. Downloads are at most the size given; they are removed afterwards.\n",
		filepath.Dir(pull.ModelPath(home, "x")))
	return err
}

// drawsWhat is what a model is for.
func drawsWhat(m pull.Model) string {
	switch {
	case m.Main == nil && m.VQ != nil:
		return "(image tokenizer)"
	case m.Main == nil:
		return "(text encoder)"
	case m.Pixels == 0:
		return fmt.Sprintf("%d x %d tokens", m.Rows, m.Cols)
	case m.Text != nil:
		return fmt.Sprintf("prompts, %d px", m.Pixels)
	}
	return fmt.Sprintf("classes, %d px", m.Pixels)
}

package main

// The rules of what a person sees:
//   - stdout carries only what was asked for.
//   - Progress goes to stderr, and only if that is a terminal; nothing with -q.
//   - Remarks go to stderr on a terminal, or with -v. Warnings always do,
//     except with -q.
//   - An error is one line on stderr and a non-zero exit code; see main.go.
//   - No colours.

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/zipar/zipar/internal/terminal"
)

// ui talks to the person at the terminal.
type ui struct {
	quiet, verbose bool
	bar            *progressbar.ProgressBar
	screen         *terminal.Screen // nil unless it shows pictures on stderr
}

func (u *ui) addFlags(f *pflag.FlagSet) {
	f.BoolVarP(&u.quiet, "quiet", "q", false, "print nothing but errors")
	f.BoolVarP(&u.verbose, "verbose", "v", false, "tell on stderr what is done and how long it takes")
}

func (u *ui) interactive() bool {
	return !u.quiet && term.IsTerminal(int(os.Stderr.Fd()))
}

// remark tells what happened, on a terminal or if the user wants to know.
func (u *ui) remark(format string, args ...any) {
	if u.verbose && !u.quiet || u.interactive() {
		u.say(format, args...)
	}
}

// detail tells what only -v asks for.
func (u *ui) detail(format string, args ...any) {
	if u.verbose && !u.quiet {
		u.say(format, args...)
	}
}

// warn tells what the user should know about the result.
func (u *ui) warn(format string, args ...any) {
	if !u.quiet {
		u.say("warning: "+format, args...)
	}
}

func (u *ui) say(format string, args ...any) {
	u.clear()
	text := fmt.Sprintf("zipar: "+format+"\n", args...)
	if u.screen != nil {
		u.screen.Wrote(text)
	}
	fmt.Fprint(os.Stderr, text)
}

// clear empties the bar's line until the next step.
func (u *ui) clear() {
	if u.bar != nil {
		u.bar.Clear()
	}
}

// stage starts a progress bar of total steps in place of the last one. Narrow
// terminals get one without numbers, the narrowest none: a line that wraps
// could not be drawn over.
func (u *ui) stage(name string, total int) {
	u.done()
	if !u.interactive() || total < 1 {
		return
	}
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width < 1 {
		width = 80
	}
	// What is not the bar: description, per cent, and count and times.
	const few, all = 30, 60
	if width < few+4 {
		return
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(name),
		progressbar.OptionThrottle(80 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
	}
	if width < all+4 {
		options = append(options, progressbar.OptionSetWidth(min(20, width-few)), progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false))
	} else {
		options = append(options, progressbar.OptionSetWidth(min(40, width-all)), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true))
	}
	u.bar = progressbar.NewOptions(total, options...)
}

// step moves the bar; name replaces its text unless empty.
func (u *ui) step(done int, name string) {
	if u.bar == nil {
		return
	}
	if name != "" {
		u.bar.Describe(name)
	}
	u.bar.Set(done)
}

// layers returns a callback for the layers of a network, which shows a bar.
func (u *ui) layers(name string) func(layer, layers int) {
	return func(layer, layers int) {
		if layer == 1 {
			u.stage(name, layers)
		}
		u.step(layer, "")
	}
}

// done removes the bar.
func (u *ui) done() {
	if u.bar != nil {
		u.bar.Finish()
		u.bar = nil
	}
}

package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// flagErrorOf is the message for a command line whose flags are wrong.
func flagErrorOf(t *testing.T, args ...string) string {
	t.Helper()
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(io.Discard)
	err := root.Execute()
	if err == nil {
		t.Fatalf("%q: no error", args)
	}
	if code := exitCode(t.Context(), err); code != exitUsage {
		t.Errorf("%q: exit code %d", args, code)
	}
	return err.Error()
}

func TestFlagErrors(t *testing.T) {
	for line, want := range map[string]string{
		"generate --window many":                       `--window "many": want a whole number`,
		"generate --window=":                           `--window "": want a whole number`,
		"generate --window 1.5":                        `--window "1.5": want a whole number`,
		"generate --window 99999999999999999999":       `--window "99999999999999999999": the number is out of range`,
		"generate -b -99999999999999999999":            `--batch-count "-99999999999999999999": the number is out of range`,
		"generate -s x":                                `--seed "x": want a whole number`,
		"generate --temp hot":                          `--temp "hot": want a number`,
		"generate --temp 1e99":                         `--temp "1e99": the number is out of range`,
		"convert --norm-eps x":                         `--norm-eps "x": want a number`,
		"generate --adaptive=perhaps":                  `--adaptive "perhaps": want true or false`,
		"bench --window 4,x":                           `--window "4,x": want a whole number, or several with commas between them`,
		"generate --window":                            "--window: want a whole number after it",
		"generate -m":                                  "--model: want FILE after it",
		"generate --prompt":                            "--prompt: want TEXT after it",
		"quantize a b --tensor-type":                   "--tensor-type: want REGEX=TYPE after it",
		"generate --windows 4":                         "unknown flag: --windows (see zipar generate --help)",
		"generate -y":                                  "unknown shorthand flag: 'y' in -y (see zipar generate --help)",
		"generate --window \x1b[2J":                    `--window "\x1b[2J": want a whole number`,
		"generate --=":                                 "bad flag syntax: --=",
		"generate --top-k " + strings.Repeat("z", 900): `--top-k "` + strings.Repeat("z", 60) + `": want a whole number`,
	} {
		args := strings.Split(line, " ")
		if got := flagErrorOf(t, args...); got != want {
			t.Errorf("%.80q:\ngot  %s\nwant %s", line, got, want)
		}
	}
}

// No flag of any command answers a value that it cannot have, or none, with
// the words of a Go parser.
func TestFlagErrorsArePlain(t *testing.T) {
	checked := 0
	for _, cmd := range newRootCommand().Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			checked++
			want, line := "--"+f.Name+": want ", []string{cmd.Name(), "--" + f.Name}
			if _, ok := wanted[f.Value.Type()]; ok {
				want, line[1] = "--"+f.Name+` "?": want `, line[1]+"=?"
			}
			if got := flagErrorOf(t, line...); !strings.HasPrefix(got, want) || strings.Contains(got, "string") {
				t.Errorf("%s: %s", strings.Join(line, " "), got)
			}
		})
	}
	if checked < 60 {
		t.Errorf("%d flags only", checked)
	}
}

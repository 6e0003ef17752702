package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

// wanted says what a flag's value has to be, by the name that pflag gives to
// its type.
var wanted = map[string]string{
	"bool":     "true or false",
	"int":      "a whole number",
	"int64":    "a whole number",
	"intSlice": "a whole number, or several with commas between them",
	"float32":  "a number",
	"float64":  "a number",
}

// flagError says in plain words what is wrong with a flag: its name and what
// is expected, not what Go's parser thinks of it. command is the command that
// was called.
func flagError(command string, err error) error {
	var value *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &value):
		f := value.GetFlag()
		want, ok := wanted[f.Value.Type()]
		switch {
		case !ok:
			return fmt.Errorf("--%s %.60q: %w", f.Name, value.GetValue(), value.Unwrap())
		case errors.Is(err, strconv.ErrRange):
			return fmt.Errorf("--%s %.60q: the number is out of range", f.Name, value.GetValue())
		}
		return fmt.Errorf("--%s %.60q: want %s", f.Name, value.GetValue(), want)
	case errors.As(err, &missing):
		f := missing.GetFlag()
		want, ok := wanted[f.Value.Type()]
		if !ok {
			want, _ = pflag.UnquoteUsage(f) // FILE, TYPE, TEXT
		}
		return fmt.Errorf("--%s: want %s after it", f.Name, want)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w (see %s --help)", err, command)
	}
	return err
}

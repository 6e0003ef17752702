package convert

import "fmt"

// ModelError is a checkpoint that is readable but holds no model that can be converted.
type ModelError struct {
	Path   string
	Tensor string // "" when it is about the file as a whole
	Reason string
}

func (e *ModelError) Error() string {
	if e.Tensor != "" {
		return fmt.Sprintf("convert: %s: tensor %q: %s", e.Path, e.Tensor, e.Reason)
	}
	return fmt.Sprintf("convert: %s: %s", e.Path, e.Reason)
}

// OptionError is an option that is missing, out of range, or at odds with the checkpoint.
type OptionError struct {
	Flag   string // as on the command line: "--grid"
	Reason string
}

func (e *OptionError) Error() string { return fmt.Sprintf("convert: %s: %s", e.Flag, e.Reason) }

func badOption(flag, format string, args ...any) error {
	return &OptionError{flag, fmt.Sprintf(format, args...)}
}

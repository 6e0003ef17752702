// Package terminal shows pictures in a terminal, in place.
//
//	kind.go   what a terminal can show      screen.go  drawing over the last picture
//	fit.go    pixels -> cells               blocks.go  pictures of characters
//	images.go the kitty and iTerm2 protocols
package terminal

import "strings"

// A Kind is a way to show pictures.
type Kind int

const (
	// Plain is characters by brightness and no escape sequences at all.
	Plain Kind = iota
	// Shades is characters by brightness.
	Shades
	// Blocks256 is half blocks in the 256 colours of xterm.
	Blocks256
	// Blocks is half blocks in 24-bit colours.
	Blocks
	// Kitty is the graphics protocol of kitty and Ghostty.
	Kitty
	// ITerm2 is the inline images of iTerm2, WezTerm and mintty.
	ITerm2
)

// String is the kind's name for people.
func (k Kind) String() string {
	return [...]string{"characters", "characters", "half blocks in 256 colours", "half blocks", "kitty graphics", "iTerm2 images"}[k]
}

// Detect tells from the environment what the terminal can show. It asks the
// terminal nothing: an answer that comes late would be typed into the shell.
// Inside a multiplexer it trusts in text only, and with NO_COLOR in no colour.
func Detect(getenv func(string) string) Kind {
	term, program := getenv("TERM"), getenv("TERM_PROGRAM")
	set := func(names ...string) bool {
		for _, name := range names {
			if getenv(name) != "" {
				return true
			}
		}
		return false
	}
	multiplexed := set("TMUX", "STY", "ZELLIJ") || strings.HasPrefix(term, "tmux") || strings.HasPrefix(term, "screen")
	switch {
	case term == "dumb":
		return Plain
	case set("NO_COLOR"):
		return Shades
	case multiplexed:
	case term == "xterm-kitty", term == "xterm-ghostty", program == "ghostty", program == "" && set("KITTY_WINDOW_ID"):
		return Kitty
	case program == "iTerm.app", program == "WezTerm", program == "mintty", program == "" && getenv("LC_TERMINAL") == "iTerm2":
		return ITerm2
	}
	switch colours := getenv("COLORTERM"); {
	case colours == "truecolor", colours == "24bit", strings.HasSuffix(term, "-direct"), set("WT_SESSION"):
		return Blocks
	case strings.Contains(term, "256color"), strings.HasPrefix(term, "xterm"):
		return Blocks256
	case term == "":
		return Plain
	}
	return Shades
}

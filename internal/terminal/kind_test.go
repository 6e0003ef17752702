package terminal

import "testing"

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		want Kind
		env  map[string]string
	}{
		{Plain, nil},
		{Plain, map[string]string{"TERM": "dumb", "COLORTERM": "truecolor"}},
		{Shades, map[string]string{"TERM": "vt100"}},
		{Shades, map[string]string{"TERM": "linux"}},
		{Blocks256, map[string]string{"TERM": "xterm"}},
		{Blocks256, map[string]string{"TERM": "xterm-256color"}},
		{Blocks256, map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}},
		{Blocks, map[string]string{"TERM": "xterm-256color", "COLORTERM": "truecolor"}},
		{Blocks, map[string]string{"TERM": "xterm-direct"}},
		{Blocks, map[string]string{"WT_SESSION": "1"}},
		{Kitty, map[string]string{"TERM": "xterm-kitty"}},
		{Kitty, map[string]string{"TERM": "xterm-ghostty"}},
		{Kitty, map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}},
		{Kitty, map[string]string{"TERM": "xterm-256color", "KITTY_WINDOW_ID": "3"}},
		// Started from kitty, but another terminal now.
		{Blocks, map[string]string{"TERM": "xterm-256color", "KITTY_WINDOW_ID": "3", "TERM_PROGRAM": "vscode", "COLORTERM": "truecolor"}},
		{ITerm2, map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "COLORTERM": "truecolor"}},
		{ITerm2, map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}},
		{ITerm2, map[string]string{"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}},
		// Multiplexers pass on text only.
		{Blocks, map[string]string{"TERM": "tmux-256color", "TMUX": "/tmp/x", "TERM_PROGRAM": "tmux", "KITTY_WINDOW_ID": "3", "COLORTERM": "truecolor"}},
		{Blocks256, map[string]string{"TERM": "screen-256color", "LC_TERMINAL": "iTerm2"}},
		{Blocks256, map[string]string{"TERM": "xterm-256color", "STY": "1", "KITTY_WINDOW_ID": "3"}},
		{Blocks, map[string]string{"TERM": "xterm-kitty", "ZELLIJ": "0", "COLORTERM": "truecolor"}},
		{Shades, map[string]string{"TERM": "screen"}},
		// NO_COLOR wins over everything but TERM=dumb.
		{Shades, map[string]string{"TERM": "xterm-kitty", "NO_COLOR": "1", "COLORTERM": "truecolor"}},
		{Plain, map[string]string{"TERM": "dumb", "NO_COLOR": "1"}},
		{Kitty, map[string]string{"TERM": "xterm-kitty", "NO_COLOR": ""}},
	} {
		if got := Detect(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %v, want %v", c.env, got, c.want)
		}
	}
}

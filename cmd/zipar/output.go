package main

import (
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/zipar/zipar/internal/atomicfile"
	"github.com/zipar/zipar/internal/imageio"
)

// stdoutName is the file name that means standard output.
const stdoutName = "-"

// checkOutput fails early, before minutes of work, when a file cannot be
// written for want of its folder. flag is for the message.
func checkOutput(flag, path string) error {
	if path == stdoutName {
		return nil
	}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	switch {
	case os.IsNotExist(err):
		return fmt.Errorf("%s %s: the folder %s does not exist", flag, path, folder)
	case err != nil:
		return fmt.Errorf("%s %s: %w", flag, path, err)
	case !info.IsDir():
		return fmt.Errorf("%s %s: %s is no folder", flag, path, folder)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s %s: is a folder, want a file name", flag, path)
	}
	return nil
}

// counter is where the number of a picture goes in a file's name.
var counter = regexp.MustCompile(`%(0?[1-9][0-9]?)?d`)

// numbered puts a picture's number into a path: in place of %d or %03d, or
// else as -1, -2, ... before the extension when there is more than one to
// write. i counts from 0, the numbers from 1.
func numbered(path string, i, n int) string {
	if path == stdoutName {
		return path
	}
	if counter.MatchString(path) {
		return counter.ReplaceAllStringFunc(path, func(verb string) string { return fmt.Sprintf(verb, i+1) })
	}
	if n == 1 {
		return path
	}
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), i+1, ext)
}

// writeFile writes a file whole or not at all; "-" is standard output.
func writeFile(path string, fill func(io.Writer) error) error {
	if path == stdoutName {
		if err := fill(os.Stdout); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
		return nil
	}
	return atomicfile.Write(path, fill)
}

// writePicture writes a PNG file with texts.
func writePicture(path string, im image.Image, texts ...imageio.Text) error {
	return writeFile(path, func(w io.Writer) error { return imageio.WritePNG(w, im, texts...) })
}

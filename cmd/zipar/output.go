package main

import (
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
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

// numbered inserts -1, -2, ... before a path's extension when there is more
// than one file to write. i counts from 0.
func numbered(path string, i, n int) string {
	if n == 1 || path == stdoutName {
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

func writePicture(path string, im image.Image) error {
	return writeFile(path, func(w io.Writer) error { return imageio.WritePNG(w, im) })
}

package pull

// Where things lie:
//
//	$ZIPAR_HOME, or zipar in the system's folder for a user's data
//	    models/NAME.gguf                 pulled models
//	    downloads/OWNER--NAME/FILE       checkpoints, while they are needed; FILE.part while they are fetched
//	    models.txt                       the user's own table, if there is one
//	    pull.lock                        held while a pull is at work

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Home is zipar's folder. It need not exist.
func Home() (string, error) {
	if dir := os.Getenv("ZIPAR_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	data, err := userData()
	if err != nil {
		return "", err
	}
	return filepath.Join(data, "zipar"), nil
}

// userData is the folder for a user's data: $XDG_DATA_HOME or ~/.local/share; ~/Library/Application Support on macOS,
// %LocalAppData% on Windows.
func userData() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if dir := os.Getenv("LocalAppData"); runtime.GOOS == "windows" && dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("no folder for models: set ZIPAR_HOME")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support"), nil
	}
	return filepath.Join(home, ".local", "share"), nil
}

// ModelPath is the file of a pulled model.
func ModelPath(home, name string) string { return filepath.Join(home, "models", name+".gguf") }

// Folder is where a repository's files are kept while they are needed.
func Folder(home string, repo string) string {
	return filepath.Join(home, "downloads", strings.ReplaceAll(repo, "/", "--"))
}

// Path is where a file is kept while it is needed.
func (s Source) Path(home string) string {
	return filepath.Join(Folder(home, s.Repo), filepath.FromSlash(s.File))
}

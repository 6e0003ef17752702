package atomicfile

import (
	"os"
	"path/filepath"
	"sync"
)

// A process that is killed cannot remove its temporary file. The next one that
// writes into the folder does: nobody holds such a file any more, see hold.

// tempPattern matches the names of temporary files; see create.
const tempPattern = ".zipar-????????????????.tmp"

var swept sync.Map // folder -> true

// sweep removes what killed processes have left in a folder, once a process.
// What cannot be removed is no reason to fail.
func sweep(folder string) {
	if _, done := swept.LoadOrStore(folder, true); done {
		return
	}
	d, err := os.Open(folder)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if match, _ := filepath.Match(tempPattern, name); match {
			removeStale(filepath.Join(folder, name))
		}
	}
}

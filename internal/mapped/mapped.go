// Package mapped maps files into memory, and turns what happens when such a
// file is cut by another program into an error: reading past the new end
// raises SIGBUS, which would end the process without a word about the file.
//
// Go turns the fault into a panic on goroutines that ask for it. Guard asks,
// and recovers the panic; goroutines started within Guard's work have to call
// Guard themselves, or pass the panic on to the one that waits for them as
// tensor.Pool does.
package mapped

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"unsafe"

	"github.com/edsrzf/mmap-go"
)

// Map maps the whole file, which must not be empty, for reading. The mapping
// outlives f. path stands for it in messages.
func Map(f *os.File, path string) (mmap.MMap, error) {
	m, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	remember(region{start: uintptr(unsafe.Pointer(unsafe.SliceData(m))), size: uintptr(len(m)), path: path})
	return m, nil
}

// Error says that a mapped file could not be read any more.
type Error struct{ Path string }

func (e *Error) Error() string {
	return e.Path + ": the file changed or was cut while it was in use: make it whole again and repeat the command"
}

// Guard calls work and returns its error, or an *Error if it touched a part of
// a mapped file that is no longer there. Any other panic goes on.
func Guard(work func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		e, ok := fault(v)
		if !ok {
			panic(v)
		}
		err = e
	}()
	return work()
}

// fault finds the file whose memory a panic is about.
func fault(v any) (*Error, bool) {
	// What the runtime panics with on a fault; see debug.SetPanicOnFault.
	f, ok := v.(interface{ Addr() uintptr })
	if !ok {
		return nil, false
	}
	regions.Lock()
	defer regions.Unlock()
	for _, r := range slices.Backward(regions.list) {
		if at := f.Addr(); at >= r.start && at-r.start < r.size {
			return &Error{r.path}, true
		}
	}
	return nil, false
}

// region is where a file is or was mapped.
type region struct {
	start, size uintptr
	path        string
}

// regions are the latest mappings, in the order of Map. Those that are gone
// stay in the list: on its way to Guard the panic runs the deferred calls that
// unmap the file.
var regions struct {
	sync.Mutex
	list []region
}

// maxRegions bounds the list: more files than a program has open at a time.
const maxRegions = 256

func remember(r region) {
	regions.Lock()
	defer regions.Unlock()
	if len(regions.list) == maxRegions {
		regions.list = slices.Delete(regions.list, 0, 1)
	}
	regions.list = append(regions.list, r)
}

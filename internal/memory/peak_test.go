package memory

import (
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
)

func TestPeakCountsWhatIsHeld(t *testing.T) {
	const size = 96 << 20
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i)
	}
	peak, ok := Peak()
	runtime.KeepAlive(b)
	known := slices.Contains([]string{"linux", "darwin", "windows"}, runtime.GOOS)
	if ok != known || ok && (peak < size || peak > 1<<40) {
		t.Errorf("on %s a peak of %d bytes (%v) with %d held", runtime.GOOS, peak, ok, size)
	}
}

func TestResetPeakForgets(t *testing.T) {
	b := make([]byte, 64<<20)
	for i := range b {
		b[i] = byte(i)
	}
	high, _ := Peak()
	runtime.KeepAlive(b)
	b = nil
	debug.FreeOSMemory()
	if !ResetPeak() {
		t.Log("this system cannot")
		return
	}
	if now, ok := Peak(); !ok || now > high-32<<20 {
		t.Errorf("%d bytes after a reset, %d before", now, high)
	}
}

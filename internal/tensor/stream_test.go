package tensor

import (
	"math/rand/v2"
	"testing"
)

// regions is a Source of regions one after the other.
type regions []region

func (r *regions) Region() (lo, hi uintptr) {
	if len(*r) == 0 {
		return 0, 0
	}
	first := (*r)[0]
	*r = (*r)[1:]
	return first.lo, first.hi
}

// endless is a Source of the same region again and again.
type endless struct{ region }

func (e *endless) Region() (lo, hi uintptr) { return e.lo, e.hi }

// TestStream reads through regions of all sizes as kernels do, and pauses as other
// code does. All memory is fetched, once, in order, and no more than leadMost and
// a piece ahead.
func TestStream(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for run := range 200 {
		// One region after the other, at addresses that tell which bytes these are.
		var all regions
		sizes := []int{0, 64, 128, 2048, 6 << 10, 40 << 10, 200 << 10}
		total := 0
		for i := range 1 + r.IntN(12) {
			size := sizes[r.IntN(len(sizes))]
			lo := uintptr(i+1) << 32
			all = append(all, region{lo, lo + uintptr(size)})
			total += size
		}
		place := func(at uintptr) int { // in the order of reading
			before := 0
			for _, g := range all {
				if g.lo <= at && at < g.hi {
					return before + int(at-g.lo)
				}
				before += g.size()
			}
			t.Fatalf("run %d: %#x is in no region: %x", run, at, all)
			return 0
		}
		known := make(regions, len(all))
		copy(known, all)
		later := known[len(known)/2:]
		source := known[: len(known)/2 : len(known)/2]
		var s Stream
		s.source = &source
		s.Continue()
		done, read := 0, 0 // fetched and read
		fetched := func(at uintptr, bytes int) {
			if bytes > 0 && place(at) != done {
				t.Fatalf("run %d: fetched byte %d, not %d, of %x", run, place(at), done, all)
			}
			done += bytes
		}
		for _, g := range all {
			if g == all[len(all)/2] {
				source = later // the rest becomes known
				s.Continue()
			}
			for at := g.lo; at < g.hi; {
				const unit = 64
				bytes := s.piece(int(g.hi-at), unit)
				if bytes <= 0 || bytes > int(g.hi-at) || bytes%unit != 0 {
					t.Fatalf("run %d: a piece of %d bytes of %d", run, bytes, g.hi-at)
				}
				before := s
				f := s.take(bytes, at, g.hi)
				if f.at != at || f.limit != ^uintptr(0) { // not what it reads itself
					n := min(bytes, before.room())
					first := min(n, int(f.limit-f.at))
					fetched(f.at, first)
					if n > first {
						fetched(f.then, n-first)
					}
				}
				at += uintptr(bytes)
				read += bytes
				if done < read { // too late to be fetched
					done = read
				}
				if lead := done - read; lead != s.lead || lead > leadMost+bytes {
					t.Fatalf("run %d: %d bytes ahead, the stream says %d", run, lead, s.lead)
				}
			}
			if r.IntN(2) == 0 {
				fetched(s.some(4096))
			}
		}
		if len(all) > 1 && done != total {
			t.Fatalf("run %d: %d of %d bytes", run, done, total)
		}
	}
	var none *Stream
	if at, n := none.some(100); n != 0 {
		t.Errorf("no stream has %d bytes at %#x", n, at)
	}
	if n := none.piece(100, 10); n != 100 {
		t.Errorf("a piece of %d", n)
	}
	if f := none.take(100, 1<<20, 2<<20); f != (fetch{1<<20 + leadKept, 2 << 20, 1 << 20}) {
		t.Errorf("without a stream %+v is fetched", f)
	}
}

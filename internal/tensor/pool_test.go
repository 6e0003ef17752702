package tensor

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// countTask counts how often each item is done, and checks the worker rule.
type countTask struct {
	t      *testing.T
	counts []atomic.Int32
	busy   []atomic.Bool
	chunk  int
	order  order
	slow   int // an item that takes a while, -1 for none
}

func (c *countTask) Do(worker, lo, hi int) {
	if c.busy[worker].Swap(true) {
		c.t.Errorf("worker %d is used twice at the same time", worker)
	}
	if most := c.mostItems(); hi <= lo || hi-lo > most {
		c.t.Errorf("a piece %d..%d, want 1 to %d items", lo, hi, most)
	}
	if lo%c.chunk != 0 || hi%c.chunk != 0 && hi != len(c.counts) {
		c.t.Errorf("a piece %d..%d of %d items, want multiples of %d", lo, hi, len(c.counts), c.chunk)
	}
	for i := lo; i < hi; i++ {
		c.counts[i].Add(1)
		if i == c.slow {
			time.Sleep(2 * time.Millisecond)
		}
	}
	c.busy[worker].Store(false)
}

// mostItems is how long a piece may be.
func (c *countTask) mostItems() int {
	if c.order == guided {
		return max(c.chunk, len(c.counts)/(2*len(c.busy)))
	}
	return c.chunk
}

func TestPoolDoesEachItemOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := NewPool(threads)
		if p.Threads() != threads {
			t.Errorf("a pool of %d threads says %d", threads, p.Threads())
		}
		for _, n := range []int{0, 1, 2, 7, 64, 1000} {
			for _, chunk := range []int{1, 3, 64, 5000} {
				for _, slow := range []int{-1, 0, n - 1} {
					for _, order := range []order{inTurn, guided, shares} {
						c := &countTask{t: t, counts: make([]atomic.Int32, n), busy: make([]atomic.Bool, threads), chunk: chunk, order: order, slow: slow}
						switch order {
						case inTurn:
							p.Run(c, n, chunk)
						case guided:
							p.RunGuided(c, n, chunk)
						case shares:
							p.RunShares(c, n, chunk)
						}
						for i := range c.counts {
							if got := c.counts[i].Load(); got != 1 {
								t.Fatalf("%d threads, %d items in pieces of %d, order %d: item %d was done %d times", threads, n, chunk, order, i, got)
							}
						}
					}
				}
			}
		}
		p.Close()
	}
}

// TestPoolShares: a worker does its share in order, as Next says, except for what
// others have done of it, and then it helps.
func TestPoolShares(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7} {
		p := NewPool(threads)
		for _, n := range []int{1, 2, 20, 41} {
			s := &shareTask{pool: p, did: make([][]int, threads), next: make([][]int, threads)}
			p.RunShares(s, n, 1)
			for w, items := range s.did {
				for i, item := range items {
					want := s.next[w][i]
					if i+1 < len(items) && want >= 0 && items[i+1] != want && slices.Contains(items, want) {
						t.Errorf("%d threads, %d items: worker %d did %v, but %d comes after %d", threads, n, w, items, want, item)
					}
					own := w*n/threads <= item && item < (w+1)*n/threads
					last := false // of a share
					for owner := range threads {
						last = last || item == (owner+1)*n/threads-1
					}
					if (want >= 0) == last && n > 1 {
						t.Errorf("%d threads, %d items: worker %d does %d after %d", threads, n, w, want, item)
					}
					if before := i > 0 && items[i-1] > item; n > 1 && threads > 1 && own && before {
						t.Errorf("%d threads, %d items: worker %d did %v", threads, n, w, items)
					}
				}
			}
		}
		p.Close()
	}
}

// shareTask notes who did what.
type shareTask struct {
	pool      *Pool
	did, next [][]int // by worker; next is what was to be expected after each
}

func (s *shareTask) Do(worker, lo, _ int) {
	s.did[worker] = append(s.did[worker], lo)
	s.next[worker] = append(s.next[worker], s.pool.Next(lo))
}

// TestPoolWakes gives the workers the time to fall asleep between jobs, or
// nearly so: a lost wake-up would leave a worker out for ever.
func TestPoolWakes(t *testing.T) {
	const threads = 4
	p := NewPool(threads)
	defer p.Close()
	for i := range 300 {
		meet := &meetTask{want: 1}
		if i%50 == 49 {
			time.Sleep(3 * time.Millisecond)
			meet.want = threads // all have to come
		} else if i%3 == 0 {
			time.Sleep(time.Duration(i) * time.Microsecond)
		}
		p.Run(meet, threads, 1)
		if got := meet.done.Load(); got != threads {
			t.Fatalf("job %d: %d of %d items done", i, got, threads)
		}
	}
}

// meetTask holds its items until so many workers are there.
type meetTask struct {
	want       int32
	here, done atomic.Int32
}

func (m *meetTask) Do(_, lo, hi int) {
	m.here.Add(1)
	for m.here.Load() < m.want {
		runtime.Gosched()
	}
	m.done.Add(int32(hi - lo))
}

func TestPoolManyJobs(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	sum := &sumTask{sums: make([]int64, 3*8)}
	const jobs, n = 20000, 10
	for range jobs {
		p.Run(sum, n, 2)
	}
	var total int64
	for _, s := range sum.sums {
		total += s
	}
	if want := int64(jobs * n * (n - 1) / 2); total != want {
		t.Errorf("%d jobs add up to %d, want %d", jobs, total, want)
	}
}

// sumTask adds up without atomics: the race detector sees whether the pool's
// gate orders memory.
type sumTask struct{ sums []int64 }

func (s *sumTask) Do(worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		s.sums[worker*8] += int64(i)
	}
}

func TestPoolCloseEndsGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		p := NewPool(5)
		p.Run(&sumTask{sums: make([]int64, 5*8)}, 100, 1)
		p.Close()
		p.Close()
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after all pools were closed", before, runtime.NumGoroutine())
}

func TestPoolMisusePanics(t *testing.T) {
	p := NewPool(2)
	mustPanic(t, "pieces of no items", func() { p.Run(&sumTask{}, 1, 0) })
	p.Close()
	mustPanic(t, "Run after Close", func() { p.Run(&sumTask{}, 1, 1) })
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

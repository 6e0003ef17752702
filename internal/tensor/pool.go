// Package tensor holds the numerical kernels that the decoders share: matrix
// products over float and quantised weights, norms, activations, attention
// pieces and convolutions, with the worker pool that runs them.
//
// Two rules hold for every function here. The result does not depend on the
// number of threads, and a column's result has the same bits whatever other
// columns are computed with it: each output is one chain of additions (or a
// fixed number of chains, added up in a fixed tree) whose order depends on the
// length of the chain alone. Without them decoding with window = columns would
// not equal next-token decoding, and a batch would not equal single pictures.
//
// SIMD.md explains the layouts and tiles of the assembly kernels.
package tensor

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A Task is work over the items 0..n-1 that may be cut anywhere.
type Task interface {
	// Do works on the items lo..hi-1. worker is 0..Threads-1 and is never
	// used by two calls at the same time, so it may index scratch space.
	Do(worker, lo, hi int)
}

// spinTurns is how often an idle worker looks for work before it goes to
// sleep: some tens of microseconds, longer than the serial code between two
// products of a forward pass and far shorter than a person notices.
const spinTurns = 20000

// A Pool runs tasks on a fixed number of goroutines. It belongs to one
// goroutine at a time: Run must not be called from within a task or from two
// goroutines at once.
type Pool struct {
	threads int
	workers []poolWorker
	scratch []scratch

	// gate lets workers into a job: its number in the upper bits, whether it
	// is open, and how many workers are inside. A worker that is late, because
	// the system has given its processor to someone else, finds the gate
	// closed and nobody waits for it.
	gate atomic.Uint64
	next atomic.Int64 // first item that nobody has taken yet

	fault atomic.Pointer[memoryFault] // of the job under way; see pool_fault.go

	// What the workers inside the gate read. They change only while nobody is.
	task   Task
	items  int
	chunk  int
	order  order
	closed bool

	// Reused by the package's own functions, so that they allocate nothing.
	each        eachTask
	matmul      matmulTask
	conv        convTask
	conv1x1     conv1x1Task
	addImage    addTask
	addToRows   addToRowsTask
	affine      affineTask
	channelSums channelSumsTask
}

// The fields of Pool.gate.
const (
	gateInside = 1<<16 - 1 // mask: workers inside
	gateOpen   = 1 << 16
	gateJob    = 1 << 17 // one job further
)

// maxThreads is what the gate can count.
const maxThreads = 1 << 12

type poolWorker struct {
	asleep atomic.Bool
	wake   chan struct{}
	taken  atomic.Int64 // pieces of its share; see RunShares
	_      [32]byte     // keeps the fields of two workers in different cache lines
}

// An order says who does which items.
type order int

const (
	inTurn order = iota // see Run
	guided              // see RunGuided
	shares              // see RunShares
)

// NewPool starts a pool of threads goroutines, the caller of Run included.
// threads <= 0 means one for each CPU that Go may use.
func NewPool(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	threads = min(threads, maxThreads)
	p := &Pool{threads: threads, workers: make([]poolWorker, threads), scratch: make([]scratch, threads)}
	for w := 1; w < threads; w++ {
		p.workers[w].wake = make(chan struct{}, 1)
		go p.work(w)
	}
	return p
}

// Threads is the number of goroutines that work on a task.
func (p *Pool) Threads() int { return p.threads }

// Close ends the pool's goroutines. The pool must not be used afterwards,
// except for Close.
func (p *Pool) Close() {
	if p.closed {
		return
	}
	p.closed = true
	// The job is never shut: each worker passes the gate once and ends.
	p.open()
}

// Run calls task.Do over the items 0..n-1 in pieces of at most chunk items
// and returns when all are done. A memory fault in a worker panics here; see
// pool_fault.go.
func (p *Pool) Run(task Task, n, chunk int) { p.run(task, n, chunk, inTurn) }

// RunGuided is Run with pieces that are long at first, a share of what is left,
// and multiples of chunk. So threads end together all the same, and each
// reads long stretches of memory where items lie one after the other.
func (p *Pool) RunGuided(task Task, n, chunk int) { p.run(task, n, chunk, guided) }

// RunShares is Run where each worker has a share of the pieces, the same each time,
// and does it in order before it helps others. So it reads long stretches of memory
// where items lie one after the other, and knows what it does next; see Next.
func (p *Pool) RunShares(task Task, n, chunk int) { p.run(task, n, chunk, shares) }

func (p *Pool) run(task Task, n, chunk int, order order) {
	if n <= 0 {
		return
	}
	if chunk <= 0 {
		panic("tensor: Run in pieces of no items")
	}
	if p.closed {
		panic("tensor: Run on a closed pool")
	}
	p.items, p.chunk, p.order = n, chunk, order
	if p.threads == 1 || n <= chunk {
		for lo := 0; lo < n; lo += chunk {
			task.Do(0, lo, min(lo+chunk, n))
		}
		return
	}
	p.task = task
	p.next.Store(0)
	if order == shares {
		for w := range p.workers {
			p.workers[w].taken.Store(0)
		}
	}
	p.open()
	p.share(0)
	p.shut()
	p.task = nil
	p.rethrow()
}

// Next is the item that a worker will do after one that it does in RunShares, most
// likely: the next one of the share, of its own or of one that it helps with. -1
// after the last one of a share, and outside RunShares.
func (p *Pool) Next(item int) int {
	if p.order != shares {
		return -1
	}
	// The share that begins last of those that begin with this piece, or before it.
	pieces := p.pieces()
	owner := ((item/p.chunk+1)*p.threads - 1) / pieces
	if _, end := p.shareOf(owner); item+1 >= min(end*p.chunk, p.items) {
		return -1
	}
	return item + 1
}

// pieces is how many pieces all items are.
func (p *Pool) pieces() int { return (p.items + p.chunk - 1) / p.chunk }

// shareOf is a worker's share of the pieces, first..end-1.
func (p *Pool) shareOf(worker int) (first, end int) {
	pieces := p.pieces()
	return worker * pieces / p.threads, (worker + 1) * pieces / p.threads
}

// Each calls do for the items 0..n-1 and returns when all are done; see Task for
// what holds for worker.
func (p *Pool) Each(n int, do func(worker, item int)) {
	p.each.do = do
	p.Run(&p.each, n, 1)
	p.each.do = nil
}

type eachTask struct{ do func(worker, item int) }

func (t *eachTask) Do(worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		t.do(worker, i)
	}
}

// open makes the job visible and wakes the workers that sleep.
func (p *Pool) open() {
	p.gate.Store(p.gate.Load()&^(gateJob-1) + gateJob | gateOpen)
	for w := 1; w < p.threads; w++ {
		if p.workers[w].asleep.Load() && p.workers[w].asleep.CompareAndSwap(true, false) {
			p.workers[w].wake <- struct{}{}
		}
	}
}

// shut lets nobody in any more and waits for those inside.
func (p *Pool) shut() {
	p.gate.And(^uint64(gateOpen))
	for turn := 0; p.gate.Load()&gateInside != 0; turn++ {
		if turn%64 == 63 {
			runtime.Gosched()
		}
	}
}

// drain takes pieces until none is left.
func (p *Pool) drain(worker int) {
	if p.order == shares {
		for i := range p.threads {
			p.drainShare(worker, (worker+i)%p.threads)
		}
		return
	}
	for {
		lo := int(p.next.Load())
		left := p.items - lo
		if left <= 0 {
			return
		}
		n := p.chunk
		if p.order == guided {
			n *= max(1, left/(2*p.threads*p.chunk))
		}
		n = min(n, left)
		if p.next.CompareAndSwap(int64(lo), int64(lo+n)) {
			p.task.Do(worker, lo, lo+n)
		}
	}
}

// drainShare does what is left of a worker's share.
func (p *Pool) drainShare(worker, owner int) {
	first, end := p.shareOf(owner)
	for {
		piece := first + int(p.workers[owner].taken.Add(1)) - 1
		if piece >= end {
			return
		}
		p.task.Do(worker, piece*p.chunk, min((piece+1)*p.chunk, p.items))
	}
}

func (p *Pool) work(worker int) {
	debug.SetPanicOnFault(true)
	var seen uint64
	for {
		seen = p.enter(worker, seen)
		if p.closed {
			return
		}
		p.share(worker)
		p.gate.Add(^uint64(0)) // leave
	}
}

// enter passes the gate of the first open job other than seen and returns the
// job. It spins at first and then sleeps, so that an idle pool costs nothing.
func (p *Pool) enter(worker int, seen uint64) uint64 {
	me := &p.workers[worker]
	last := seen // the latest job that it saw, entered or not
	for turn := 1; ; turn++ {
		gate := p.gate.Load()
		job := gate &^ (gateJob - 1)
		if gate&gateOpen != 0 && job != seen {
			if p.gate.CompareAndSwap(gate, gate+1) {
				return job
			}
			continue
		}
		if job != last {
			last, turn = job, 1 // the pool is busy: stay awake
		}
		if turn%256 == 0 {
			runtime.Gosched()
		}
		if turn < spinTurns {
			continue
		}
		me.asleep.Store(true)
		// A job that was opened before the flag was up has woken nobody.
		if p.gate.Load()&^gateInside == gate&^gateInside || !me.asleep.CompareAndSwap(true, false) {
			<-me.wake
		}
		turn = 0
	}
}

// scratch is a worker's working memory. It only grows.
type scratch struct {
	floats, carry []float32
	bytes         []byte
	activating    time.Duration // see MatMulSwiGLU
	_             [48]byte      // keeps the fields of two workers in different cache lines
}

// Grow returns n values of undefined content, in the memory of s where that
// suffices.
func Grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// carry returns working memory for kernels.dot.
func (p *Pool) carry(worker int) []float32 {
	s := &p.scratch[worker]
	s.carry = Grow(s.carry, dotCarry)
	return s.carry
}

// workspace returns n floats that belong to the worker until its Do returns.
// Their content is undefined. It allocates only when a worker needs more than
// ever before.
func (p *Pool) workspace(worker, n int) []float32 {
	s := &p.scratch[worker]
	s.floats = Grow(s.floats, n)
	return s.floats
}

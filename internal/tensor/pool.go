// Package tensor holds the numerical kernels that the decoders share: matrix
// products over float and quantised weights, norms, activations, attention
// pieces and convolutions, with the worker pool that runs them.
//
// Two rules hold for every function here. The result does not depend on the
// number of threads, and a column's result has the same bits whatever other
// columns are computed with it: each output is one chain of additions whose
// order depends on the length of the chain alone. Without them decoding with
// window = columns would not equal next-token decoding, and a batch would not
// equal single pictures.
package tensor

import (
	"runtime"
	"sync/atomic"
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
	scratch [][]float32

	job     atomic.Uint64 // number of the current job; a change is the start signal
	next    atomic.Int64  // first item that nobody has taken yet
	pending atomic.Int64  // workers that have not finished the current job
	closed  atomic.Bool

	task  Task
	items int
	chunk int

	// Reused by the package's own functions, so that they allocate nothing.
	matmul    matmulTask
	conv      convTask
	groupNorm groupNormTask
}

type poolWorker struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [40]byte // keeps the flags of two workers in different cache lines
}

// NewPool starts a pool of threads goroutines, the caller of Run included.
// threads <= 0 means one for each CPU that Go may use.
func NewPool(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{threads: threads, workers: make([]poolWorker, threads), scratch: make([][]float32, threads)}
	for w := 1; w < threads; w++ {
		p.workers[w].wake = make(chan struct{}, 1)
		go p.work(w)
	}
	return p
}

// Threads is the number of goroutines that work on a task.
func (p *Pool) Threads() int { return p.threads }

// Close ends the pool's goroutines. The pool must not be used afterwards.
func (p *Pool) Close() {
	if p.closed.Swap(true) {
		return
	}
	p.start()
}

// Run calls task.Do over the items 0..n-1 in pieces of at most chunk items
// and returns when all are done.
func (p *Pool) Run(task Task, n, chunk int) {
	if n <= 0 {
		return
	}
	if p.threads == 1 || n <= chunk {
		task.Do(0, 0, n)
		return
	}
	p.task, p.items, p.chunk = task, n, chunk
	p.next.Store(0)
	p.pending.Store(int64(p.threads - 1))
	p.start()
	p.drain(0)
	for turn := 0; p.pending.Load() != 0; turn++ {
		if turn%64 == 63 {
			runtime.Gosched()
		}
	}
	p.task = nil
}

// start makes a new job visible and wakes the workers that sleep.
func (p *Pool) start() {
	p.job.Add(1)
	for w := 1; w < p.threads; w++ {
		if p.workers[w].asleep.CompareAndSwap(true, false) {
			p.workers[w].wake <- struct{}{}
		}
	}
}

// drain takes chunks until none is left.
func (p *Pool) drain(worker int) {
	for {
		hi := int(p.next.Add(int64(p.chunk)))
		lo := hi - p.chunk
		if lo >= p.items {
			return
		}
		p.task.Do(worker, lo, min(hi, p.items))
	}
}

func (p *Pool) work(worker int) {
	var seen uint64
	for {
		seen = p.await(worker, seen)
		if p.closed.Load() {
			return
		}
		p.drain(worker)
		p.pending.Add(-1)
	}
}

// await returns the number of the first job after seen. It spins at first
// and then sleeps, so that an idle pool costs nothing.
func (p *Pool) await(worker int, seen uint64) uint64 {
	for turn := 1; turn < spinTurns; turn++ {
		if job := p.job.Load(); job != seen {
			return job
		}
		if turn%256 == 0 {
			runtime.Gosched()
		}
	}
	me := &p.workers[worker]
	for {
		me.asleep.Store(true)
		// A job that started before the flag was up has woken nobody.
		if job := p.job.Load(); job != seen {
			if !me.asleep.CompareAndSwap(true, false) {
				<-me.wake // the starter was faster: take its signal
			}
			return job
		}
		<-me.wake
		if job := p.job.Load(); job != seen {
			return job
		}
	}
}

// workspace returns n floats that belong to the worker until its Do returns.
// Their content is undefined. It allocates only when a worker needs more than
// ever before.
func (p *Pool) workspace(worker, n int) []float32 {
	if cap(p.scratch[worker]) < n {
		p.scratch[worker] = make([]float32, n)
	}
	return p.scratch[worker][:n]
}

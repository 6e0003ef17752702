package tensor

// Weights lie in mapped files. Where one is cut by another program, reading it
// raises a fault, which is a panic on goroutines that have asked for it. One in
// a worker would end the process; here it ends the job instead, and Run panics
// with it on the goroutine of its caller, as if that had met the fault. The
// pool can be used, and closed, afterwards.

// memoryFault is what the runtime panics with on a fault.
type memoryFault interface{ Addr() uintptr }

// share does a worker's share of the job.
func (p *Pool) share(worker int) {
	defer p.caught()
	p.drain(worker)
}

// caught notes a memory fault of its caller and leaves no work to the others.
// Any other panic is a mistake in the program: it goes on.
func (p *Pool) caught() {
	v := recover()
	if v == nil {
		return
	}
	f, ok := v.(memoryFault)
	if !ok {
		panic(v)
	}
	p.fault.CompareAndSwap(nil, &f)
	p.next.Store(int64(p.items))
	for w := range p.workers {
		p.workers[w].taken.Store(int64(p.items))
	}
}

// rethrow panics with the fault of the job that has ended, if it had one.
func (p *Pool) rethrow() {
	if f := p.fault.Load(); f != nil {
		p.fault.Store(nil)
		panic(*f)
	}
}

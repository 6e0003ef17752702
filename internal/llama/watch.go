package llama

// Attention is what a head of a column pays to a run of positions: P[i] is
// the share of position Pos+i of the column's sequence, 0 to 1. The shares of
// all runs of a head add up to 1.
type Attention struct {
	Worker int // of the pool, 0..threads-1
	Layer  int
	Column int // of the pass
	Head   int
	Pos    int
	P      []float32 // valid during the call
}

// Watch has f told of all attention in the passes to come; nil ends it. f is
// called from the pool's goroutines at the same time, but not twice with the
// same Worker. It costs nothing while f is nil.
func (r *Runner) Watch(f func(Attention)) { r.watch = f }

// watchSpans tells f the shares of one head, which lie one after the other.
// Spans beyond the shares are not seen.
func watchSpans(f func(Attention), a Attention, spans []span, shares []float32) {
	for _, s := range spans {
		n := min(s.hi-s.lo, len(shares))
		if n == 0 {
			return
		}
		a.Pos, a.P = s.lo, shares[:n]
		f(a)
		shares = shares[n:]
	}
}

package tensor

// A Stream is the memory that a thread is about to read, in order. The kernels
// of attention fetch from it while they compute, about as many bytes as they
// read, so that memory is never idle and what they read has arrived. nil is the
// memory of their own arguments.
//
// It only asks for memory, and the processor may refuse: a Stream that names the
// wrong places costs time, and nothing else.
type Stream struct {
	source Source
	now    region // what is left to fetch of the region under way
	next   region // the one that follows
	lead   int    // bytes that have been fetched and not been read yet
}

// A Source says what a thread will read.
type Source interface {
	// Region returns the addresses of the next run of memory, lo <= hi; zeros if
	// it is not known yet.
	Region() (lo, hi uintptr)
}

// region is the memory from lo up to hi.
type region struct{ lo, hi uintptr }

func (r region) size() int { return int(r.hi - r.lo) }

// How far ahead a Stream is. Kernels keep a lead of leadKept bytes; more are
// fetched by what computes without reading memory, up to leadMost, and the
// kernels that follow fetch nothing until those have been read. A first cache has
// 32 KB or more, a second one 256 KB.
const (
	leadKept = 12 << 10
	leadMost = 32 << 10
)

// Start begins to fetch what a source says.
func (s *Stream) Start(source Source) {
	*s = Stream{source: source}
	s.Continue()
	s.Fetch(leadKept / 4)
}

// Continue asks the source again, if it did not know what follows.
func (s *Stream) Continue() {
	for s.next.size() == 0 {
		lo, hi := s.source.Region()
		if lo == 0 {
			return
		}
		s.next = region{lo, hi}
		if s.now.size() == 0 {
			s.now, s.next = s.next, region{}
		}
	}
}

// Fetch asks for some bytes at once, unless the lead is long enough.
func (s *Stream) Fetch(bytes int) {
	if at, bytes := s.some(bytes); bytes > 0 {
		Fetch(at, bytes)
	}
}

// some is memory to be fetched without reading anything: no more than so many
// bytes.
func (s *Stream) some(bytes int) (at uintptr, n int) {
	if s == nil || s.lead >= leadMost {
		return 0, 0
	}
	at, n = s.now.lo, min(bytes, s.now.size())
	s.fetched(n)
	return at, n
}

// room is how many bytes a kernel can fetch: it knows two regions.
func (s *Stream) room() int { return s.now.size() + s.next.size() }

// fetched notes that bytes are being fetched, no more than there is room.
func (s *Stream) fetched(bytes int) {
	s.lead += bytes
	n := min(bytes, s.now.size())
	s.now.lo += uintptr(n)
	if s.now.size() > 0 {
		return
	}
	s.now, s.next = s.next, region{}
	s.now.lo += uintptr(min(bytes-n, s.now.size()))
	s.Continue()
}

// read notes that bytes are being read: they need not be fetched any more.
func (s *Stream) read(bytes int) {
	s.lead -= bytes
	for s.lead < 0 && s.room() > 0 {
		s.fetched(min(-s.lead, s.room()))
	}
	s.lead = max(s.lead, 0)
}

// A fetch is what a kernel asks for: as many bytes as it reads, from at up to
// limit, and then from the address then on.
type fetch struct{ at, limit, then uintptr }

// here fetches what a kernel reads itself, which is in a cache already.
func here(own uintptr) fetch { return fetch{own, ^uintptr(0), own} }

// piece is how many of bytes a kernel should read in one call, a multiple of
// unit, as bytes is: until its lead is as long as it should be, or no more than
// there is room.
func (s *Stream) piece(bytes, unit int) int {
	if s == nil {
		return bytes
	}
	n := s.lead - leadKept
	if n <= 0 {
		n = s.room()
	}
	if n <= 0 {
		return bytes
	}
	return min(bytes, (n+unit-1)/unit*unit)
}

// take returns what a kernel fetches that reads a piece of so many bytes, at the
// address own of memory that ends at end.
func (s *Stream) take(bytes int, own, end uintptr) fetch {
	if s == nil {
		return fetch{own + leadKept, end, own}
	}
	f := here(own)
	if s.lead <= leadKept && s.room() > 0 {
		f.at, f.limit = s.now.lo, s.now.hi
		if s.next.size() > 0 {
			f.then = s.next.lo
		}
		s.fetched(min(bytes, s.room()))
	}
	s.read(bytes)
	return f
}

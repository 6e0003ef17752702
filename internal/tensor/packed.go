package tensor

import (
	"encoding/binary"
	"unsafe"

	"github.com/zipar/zipar/internal/ggml"
)

// Products with quantised weights. The activations are quantised too, a scale
// for 32 of them, as llama.cpp does; the products of 32 pairs (16 for Q6_K) are
// added up in integers, which is exact. The floats that follow are computed
// alike on all processors, so that all give the same bits. q8.go and
// nibbles.go have the arithmetic of the types.
//
// The weights are multiplied in an order for which a row is a lane: 16 rows
// make a group, quants and scales apart so that the quants are aligned.
const (
	q8Block    = 32 // values that share a scale, in activations
	packedRows = 16 // rows of a packed group, the lanes of an AVX-512 vector
)

// A packing is how the groups of a type are laid out.
type packing struct {
	typ    ggml.Type
	unit   int // blocks of 32 values in a block of the file
	quants int // bytes of 32 values of 16 rows
	scales int // bytes of the scales of 16 rows for a unit

	// pack fills g, which is zeros, with up to 16 rows of the file, each of
	// some blocks of 32 values.
	pack func(g packedGroup, rows []byte, blocks int)
	// row writes row r of a group as float32.
	row func(g packedGroup, r int, dst []float32)
	// prepare adds to the columns' blocks lo..hi-1 what the kernels need
	// beside q8Columns.preset. nil: nothing.
	prepare func(q *q8Columns, lo, hi int)
}

// packings are those of all types that have one.
var packings = func() (all [ggml.BF16 + 1]*packing) {
	for _, p := range append(nibblePackings(), &q8Packing) {
		all[p.typ] = p
	}
	return all
}()

// A packedKernel sets y[c*ldy+r] for the rows of n groups, g, which follow each
// other, and all columns.
type packedKernel func(y []float32, ldy int, g packedGroup, n int, x *q8Columns)

// A pairKernel is a packedKernel of the 32 rows of two groups, g, which follow
// each other. carry is working memory, dotCarry floats. The next such pair that
// the thread will want starts at ahead; 0 if that is not known.
type pairKernel func(y []float32, ldy int, g packedGroup, x *q8Columns, carry []float32, ahead uintptr)

// packedGeneric returns the portable kernels.
func packedGeneric() map[ggml.Type]packedKernel {
	k := map[ggml.Type]packedKernel{ggml.Q8_0: groupByGroup(&q8Packing, q8Generic)}
	for typ, f := range nibbleTypes {
		k[typ] = groupByGroup(packings[typ], f.generic)
	}
	return k
}

// groupByGroup makes a packedKernel of one for a single group.
func groupByGroup(p *packing, one func(y []float32, ldy int, g packedGroup, x *q8Columns)) packedKernel {
	return func(y []float32, ldy int, g packedGroup, n int, x *q8Columns) {
		quants, scales := p.size(x.blocks)
		for i := range n {
			one(y[i*packedRows:], ldy, packedGroup{g.quants[i*quants:][:quants], g.scales[i*scales:][:scales]}, x)
		}
	}
}

// A packedGroup is 16 rows of weights, or several times 16.
type packedGroup struct{ quants, scales []byte }

// packedMatrix is a matrix of groups, the last one padded with zeros.
type packedMatrix struct {
	*packing
	blocks int // of 32 values, of a row
	all    packedGroup
}

func newPacked(p *packing, rows, cols int) *packedMatrix {
	m := &packedMatrix{packing: p, blocks: cols / q8Block}
	groups := (rows + packedRows - 1) / packedRows
	quants, scales := p.size(m.blocks)
	m.all = packedGroup{alignedBytes(groups * quants), alignedBytes(groups * scales)}
	return m
}

// size is how many bytes a group takes whose rows have some blocks.
func (p *packing) size(blocks int) (quants, scales int) {
	return blocks * p.quants, blocks / p.unit * p.scales
}

// alignedBytes returns n zeros that start at a cache line.
func alignedBytes(n int) []byte {
	const line = 64
	b := make([]byte, n+line-1)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (line - 1)
	return b[skip:][:n:n]
}

// group returns a group of rows.
func (m *packedMatrix) group(i int) packedGroup { return m.groups(i, 1) }

// groups returns n groups of rows.
func (m *packedMatrix) groups(i, n int) packedGroup {
	quants, scales := m.size(m.blocks)
	return packedGroup{m.all.quants[i*quants:][:n*quants], m.all.scales[i*scales:][:n*scales]}
}

// rowOf writes row i of the matrix as float32.
func (m *packedMatrix) rowOf(i int, dst []float32) {
	m.row(m.group(i/packedRows), i%packedRows, dst)
}

// packedGroup returns a group of zeros in the worker's own memory.
func (p *Pool) packedGroup(worker int, k *packing, blocks int) packedGroup {
	s := &p.scratch[worker]
	quants, scales := k.size(blocks)
	if cap(s.bytes) < quants+scales {
		s.bytes = alignedBytes(quants + scales)
	}
	all := s.bytes[:quants+scales]
	clear(all)
	return packedGroup{all[:quants], all[quants:]}
}

// dotLanes adds the products of some values of 16 rows with those of a column.
//
//	w: [len(u)/4, 16 rows, 4]   u: len(u) is a multiple of 4, at most 32
//
// A multiplication serves two rows, one in each half of an int64. The lower
// half's sum may be negative: then it has borrowed from the upper one.
func dotLanes(acc *[packedRows]int32, w []byte, u []int8) {
	const both = 0xff | 0xff<<32
	var sums [packedRows / 2]int64
	for ; len(u) >= 4; u = u[4:] {
		u0, u1, u2, u3 := int64(u[0]), int64(u[1]), int64(u[2]), int64(u[3])
		v := (*[packedRows * 4]byte)(w)
		for i := range sums {
			pair := binary.LittleEndian.Uint64(v[8*i : 8*i+8])
			sums[i] += int64(pair&both)*u0 + int64(pair>>8&both)*u1 + int64(pair>>16&both)*u2 + int64(pair>>24&both)*u3
		}
		w = w[len(v):]
	}
	for i, s := range sums {
		low := int32(s)
		acc[2*i] += low
		acc[2*i+1] += int32((s - int64(low)) >> 32)
	}
}

// Pack rearranges a matrix for this package's kernels, if there is a better
// order for its type than the file's: products with it are several times
// faster then. The results do not change. Its Data is nil afterwards: the
// matrix no longer needs it. It must not be in use elsewhere.
func (p *Pool) Pack(m *Matrix) {
	if m.PackBytes() == 0 {
		return
	}
	t := &packTask{m: m, packed: newPacked(packings[m.Type], m.Rows, m.Cols)}
	p.Run(t, (m.Rows+packedRows-1)/packedRows, 4)
	m.packed, m.Data = t.packed, nil
}

// PackBytes is the memory that Pack would take, or 0 where it does nothing.
// It is the size of the data, or up to 3% more.
func (m *Matrix) PackBytes() int64 {
	k := packings[m.Type]
	if k == nil || m.packed != nil {
		return 0
	}
	quants, scales := k.size(m.Cols / q8Block)
	return int64((m.Rows+packedRows-1)/packedRows) * int64(quants+scales)
}

// packTask is a Task over groups of rows.
type packTask struct {
	m      *Matrix
	packed *packedMatrix
}

func (t *packTask) Do(_, lo, hi int) {
	size := t.m.Type.RowSize(t.m.Cols)
	for i := lo; i < hi; i++ {
		rows := t.m.Data[i*packedRows*size : min((i+1)*packedRows, t.m.Rows)*size]
		t.packed.pack(t.packed.group(i), rows, t.packed.blocks)
	}
}

package machine

import (
	"runtime"
	"unsafe"

	"github.com/zipar/zipar/internal/ggml"
	"github.com/zipar/zipar/internal/machine/shapes"
	"github.com/zipar/zipar/internal/tensor"
)

// weights measures products with GPT-XL's matrices, so many of them that no
// cache holds them, and reading the same amount of memory.
func (m *measurement) weights() error {
	var memory []byte
	for _, t := range weightTypes {
		if !t.packed && memory == nil {
			memory = make([]byte, max(1<<20, m.Bytes)&^255) // whole steps of reading
		}
		matrices := m.matrices(t.typ, memory)
		for _, n := range columns {
			if err := m.kernel(Kernel{Name: t.name, Columns: n, Peak: tensor.PeakOf(&matrices[0])}, m.products(matrices, n)); err != nil {
				return err
			}
		}
		clear(matrices)
		runtime.GC()
	}
	return m.read(memory)
}

// matrices returns blocks of GPT-XL, at least one and otherwise as many as
// there are bytes. Those that the kernels pack have memory of their own, the
// others share the memory.
func (m *measurement) matrices(typ ggml.Type, memory []byte) []tensor.Matrix {
	small := make([]float32, len(m.normals))
	for i, v := range m.normals {
		small[i] = 0.02 * v
	}
	table := make([]byte, typ.RowSize(len(small)))
	ggml.Quantize(typ, table, small)
	block, largest := 0, 0
	for _, s := range shapes.XLMatrices {
		n := s[0] * typ.RowSize(s[1])
		block, largest = block+n, max(largest, n)
	}
	if memory == nil {
		memory = make([]byte, largest)
	} else if len(memory) < block {
		memory = make([]byte, block)
	}
	tile(memory, table)

	var all []tensor.Matrix
	for at, used := 0, int64(0); len(all) == 0 || used+int64(block) <= m.Bytes; {
		for _, s := range shapes.XLMatrices {
			data := memory[at:][:s[0]*typ.RowSize(s[1])]
			w, err := tensor.NewMatrix(typ, s[0], s[1], data)
			if err != nil {
				panic(err) // the shapes are multiples of all types' blocks
			}
			used += int64(len(data))
			if m.pool.Pack(&w); w.Data != nil {
				at += len(data)
			}
			all = append(all, w)
		}
	}
	return all
}

// tile fills dst with copies of a table.
func tile[T any](dst, table []T) {
	for len(dst) > 0 {
		dst = dst[copy(dst, table):]
	}
}

// products are those of matrices with n columns.
func (m *measurement) products(matrices []tensor.Matrix, n int) []work {
	widest, tallest := 0, 0
	for i := range matrices {
		widest, tallest = max(widest, matrices[i].Cols), max(tallest, matrices[i].Rows)
	}
	x, y := make([]float32, n*widest), make([]float32, n*tallest)
	tile(x, m.normals)
	var works []work
	for i := range matrices {
		w := &matrices[i]
		works = append(works, work{
			bytes: float64(w.Bytes()), ops: 2 * float64(n) * float64(w.Rows) * float64(w.Cols),
			run: func() { m.pool.MatMul(y[:n*w.Rows], w, x[:n*w.Cols], n) },
		})
	}
	return works
}

// convolutions measures the decoder's convolutions, all together, from a part
// of the rows of each. Operations are those of the direct way; Winograd's has
// about a quarter of them.
func (m *measurement) convolutions() error {
	// In a run: some milliseconds for fast kernels, not too much for slow ones.
	// Regions of Winograd's convolutions, 16 rows, are whole.
	least := 1e9 * float64(m.pool.Threads()) * min(1, m.Each.Seconds()/0.1)
	var ops, seconds float64
	for _, s := range shapes.VQ16Convs {
		rows := min(s.Size, 1+int(least/float64(s.Operations())*float64(s.Size)))
		if rows > 16 {
			rows = rows / 16 * 16
		}
		weight := make([]float32, s.Out*s.In*9)
		tile(weight, m.normals)
		c := tensor.NewConv3x3(weight, make([]float32, s.Out), s.In, s.Out, 1)
		src, dst := tensor.NewImage(rows, s.Size, s.In), tensor.NewImage(rows, s.Size, s.Out)
		tile(src.Data, m.normals)
		o := tensor.Convolution{
			Conv: c, Dst: dst, Src: src,
			Window: make([]float32, tensor.ConvWindowLen(c, rows, s.Size)),
		}
		all := float64(s.Operations())
		_, rate, err := m.rates(m.Each/4, []work{{
			ops: all * float64(rows) / float64(s.Size), run: func() { m.pool.Conv3x3(o) },
		}})
		if err != nil {
			return err
		}
		ops += float64(s.Count) * all
		seconds += float64(s.Count) * all / rate
	}
	m.report.Kernels = append(m.report.Kernels, Kernel{Name: "conv 3x3", Ops: ops / seconds, Peak: tensor.PeakFMA})
	m.step()
	return nil
}

// attention measures GPT-XL's attention to all positions of a picture, for
// columns of one sequence: as many layers as there are bytes.
func (m *measurement) attention() error {
	halves := make([]uint16, len(m.normals))
	tensor.ToF16(halves, m.normals)
	err := attend(m, "attention f16", 2, halves, tensor.AttentionScoresF16, tensor.AttentionMixF16)
	if err != nil {
		return err
	}
	runtime.GC()
	return attend(m, "attention f32", 4, m.normals, tensor.AttentionScores, tensor.AttentionMix)
}

const heads, headDim, positions = shapes.XLHeads, shapes.XLHeadDim, shapes.XLPositions

// layerAttention is a tensor.Task over the heads of a layer, with keys and
// values of type T.
type layerAttention[T float32 | uint16] struct {
	keys         []T         // [heads, tensor.KeyLen(positions, headDim)]
	values       []T         // [heads, positions, head size]
	q            []float32   // [columns, heads, head size]
	out          []float32   // the same
	scores, work [][]float32 // by worker
	readers      []headReader[T]
	pool         *tensor.Pool
	columns      int
	runs         []tensor.Run // all positions and columns

	score func(s []float32, lds int, q []float32, ldq int, keys []T, d int, runs []tensor.Run, work []float32, ahead *tensor.Stream)
	mix   func(out []float32, ldo int, p []float32, ldp int, values []T, d int, runs []tensor.Run, ahead *tensor.Stream)
}

// headReader is a tensor.Source: the keys and the values of a worker's heads.
type headReader[T float32 | uint16] struct {
	attention *layerAttention[T]
	then      int // the head that the worker does next, or -1
	ahead     tensor.Stream

	head   int // whose keys, or values, come next; -1 after the last one
	values bool
}

func (r *headReader[T]) Region() (lo, hi uintptr) {
	if r.head < 0 {
		return 0, 0
	}
	keys, values := r.attention.of(r.head)
	part := keys
	if r.values {
		part = values
		r.head = r.attention.pool.Next(r.head)
	}
	r.values = !r.values
	lo = tensor.Address(part)
	return lo, lo + uintptr(len(part))*unsafe.Sizeof(part[0])
}

// of returns the keys and values of a head.
func (t *layerAttention[T]) of(head int) (keys, values []T) {
	const kv = positions * headDim
	size := tensor.KeyLen(positions, headDim)
	return t.keys[head*size:][:size], t.values[head*kv:][:kv]
}

func (t *layerAttention[T]) Do(worker, lo, hi int) {
	s, r := t.scores[worker], &t.readers[worker]
	for h := lo; h < hi; h++ {
		if h != r.then {
			r.head, r.values = h, false
			r.ahead.Start(r)
		}
		r.then = t.pool.Next(h)
		keys, values := t.of(h)
		t.score(s, positions, t.q[h*headDim:], heads*headDim, keys, headDim, t.runs, t.work[worker], &r.ahead)
		for c := range t.columns {
			tensor.SoftmaxFetching(s[c*positions:][:positions], &r.ahead)
			clear(t.out[(c*heads+h)*headDim:][:headDim])
		}
		t.mix(t.out[h*headDim:], heads*headDim, s, positions, values, headDim, t.runs, &r.ahead)
	}
}

// attend measures attention with keys and values of a type, of that size in
// bytes.
func attend[T float32 | uint16](m *measurement, name string, size int, table []T,
	score func(s []float32, lds int, q []float32, ldq int, keys []T, d int, runs []tensor.Run, work []float32, ahead *tensor.Stream),
	mix func(out []float32, ldo int, p []float32, ldp int, values []T, d int, runs []tensor.Run, ahead *tensor.Stream)) error {
	const kv = heads * positions * headDim // values of a layer, and as many keys
	keysLen := heads * tensor.KeyLen(positions, headDim)
	layers := max(1, int(m.Bytes/int64((keysLen+kv)*size)))
	memory := make([]T, layers*(keysLen+kv))
	tile(memory, table)
	for _, n := range columns {
		t := &layerAttention[T]{columns: n, runs: []tensor.Run{{Hi: positions, End: n}}, pool: m.pool, score: score, mix: mix}
		t.q, t.out = make([]float32, n*heads*headDim), make([]float32, n*heads*headDim)
		for i := range t.q {
			t.q[i] = m.normals[i%len(m.normals)] / 8 // 1/sqrt(head size)
		}
		for range m.pool.Threads() {
			t.scores = append(t.scores, make([]float32, n*positions))
			t.work = append(t.work, make([]float32, tensor.AttentionWork))
			t.readers = append(t.readers, headReader[T]{attention: t, then: -1})
		}
		var works []work
		for i := range layers {
			keys := memory[i*(keysLen+kv):]
			works = append(works, work{bytes: float64(2 * kv * size), ops: 4 * float64(n) * kv, run: func() {
				t.keys, t.values = keys[:keysLen], keys[keysLen:][:kv]
				m.pool.RunShares(t, heads, 1)
			}})
		}
		if err := m.kernel(Kernel{Name: name, Columns: n, Peak: tensor.PeakFMA}, works); err != nil {
			return err
		}
	}
	return nil
}

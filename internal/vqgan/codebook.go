package vqgan

import (
	"fmt"

	"github.com/zipar/zipar/internal/tensor"
)

// codebook holds a vector for each code, divided by its length: both at
// look-up and when a vector is quantised, LlamaGen's tokenizer compares
// directions only (vq_model.py, VectorQuantizer, l2_norm).
type codebook struct {
	size, dim int
	vectors   []float32 // [size, dim]
}

func (r *reader) codebook() *codebook {
	const name = "vq.quantize.embedding.weight"
	s := r.Shape(name)
	if r.Err != nil {
		return nil
	}
	if len(s) != 2 {
		r.fail("tensor %q has shape %v, want [codes, dim]", name, s)
		return nil
	}
	c := &codebook{size: s[0], dim: s[1]}
	if n, err := r.File.Uint("vq.codebook_size"); err == nil && n != uint64(c.size) {
		r.fail("tensor %q has %d codes, vq.codebook_size says %d", name, c.size, n)
		return nil
	}
	c.vectors = append([]float32(nil), r.Floats(name, s...)...)
	if r.Err != nil {
		return nil
	}
	for i := range c.size {
		tensor.L2Normalize(c.vectors[i*c.dim:][:c.dim])
	}
	return c
}

// lookup writes the vectors of the codes to dst, [len(codes), dim].
func (c *codebook) lookup(dst []float32, codes []int32) error {
	for i, code := range codes {
		if code < 0 || int(code) >= c.size {
			return fmt.Errorf("code %d at place %d: the codebook has the codes 0 to %d", code, i, c.size-1)
		}
		copy(dst[i*c.dim:][:c.dim], c.vectors[int(code)*c.dim:])
	}
	return nil
}

// nearest returns the code of the vector with the smallest distance to v,
// [dim], which it divides by its length: the one with the largest product.
func (c *codebook) nearest(v []float32) int32 {
	tensor.L2Normalize(v)
	best, code := float32(-2), 0
	for i := range c.size {
		var dot float32
		for j, u := range c.vectors[i*c.dim:][:c.dim] {
			dot += u * v[j]
		}
		if dot > best {
			best, code = dot, i
		}
	}
	return int32(code)
}

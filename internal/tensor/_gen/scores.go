package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The scores of attention: products of some columns, which are queries, with
// keys in blocks of 16 positions. Positions are lanes, each output one chain
// over a key's values. A tile is some columns by some blocks.

// keyBlock is KeyBlock of package tensor.
const keyBlock = 16

// scoreTiles lists, for 1, 2, ... columns, the blocks of a tile.
var scoreTiles = []struct {
	isa    isa
	blocks []int
}{{avx512, []int{4, 4, 4, 4, 4, 4, 3, 3}}, {avx2, []int{4, 2, 2, 1, 1, 1}}}

func genScores(g *gen) {
	for _, t := range scoreTiles {
		for _, w := range weightTypes[:2] {
			var names []string
			for i, blocks := range t.blocks {
				names = append(names, g.scores(t.isa, w, i+1, blocks))
			}
			g.choose("scoresTile"+w.name+t.isa.name, "columns", names)
		}
	}
}

func (g *gen) scores(s isa, w weightType, columns, blocks int) string {
	name := fmt.Sprintf("scores%sx%d%s", w.name, columns, s.name)
	typ := map[int]string{4: "float32", 2: "uint16"}[w.size]
	g.function(name, fmt.Sprintf("func(s *float32, lds int, keys *%s, blocks int, q *float32, ldq int, d int, end uintptr, ahead uintptr, limit uintptr, then uintptr)", typ),
		fmt.Sprintf("%s sets s[c*lds+16*b+i] = Σ_j q[c*ldq+j]·keys[(b*d+j)*16+i] for %d columns c, b < blocks, i < 16, j < d.", name, columns),
		"blocks, d > 0. The next tile, before end, is fetched into the first cache; for each key a key of ahead, up to limit, and",
		"of then into the second one.")
	out, keys, count := g.load("s"), g.load("keys"), g.load("blocks")
	ldq, size := g.loadBytes("ldq"), g.load("d")
	far, limit := g.load("ahead"), g.load("limit")
	shift := map[int]uint64{4: 6, 2: 5}[w.size]
	g.SHLQ(operand.U8(shift), size) // bytes of a block
	each := keyBlock / s.lanes()    // vectors of a block
	tile := func(blocks int) {
		vectors := blocks * each
		acc := func(c, v int) reg.VecPhysical { return s.vec[c*vectors+v] }
		used := columns * vectors
		for i := range used {
			g.zero(s, s.vec[i])
		}
		key := g.newRows(blocks, keys, size)
		query := g.newRows(columns, g.load("q"), ldq)
		// The place right after the tile.
		next := g.GP64()
		g.MOVQ(keys, next)
		for range blocks {
			g.ADDQ(size, next)
		}
		g.CMPQ(next, g.param("end"))
		g.CMOVQCC(keys, next)
		// The fewer of vectors and columns are held in registers, of the others
		// one.
		held, other := s.vec[used:][:min(vectors, columns)], s.vec[used+min(vectors, columns)]
		step := func(j int) {
			loadKey := func(v int, dst reg.VecPhysical) {
				m := key.at(v/each, (j*keyBlock+v%each*s.lanes())*w.size)
				if w.size == 2 {
					g.VCVTPH2PS(m, dst)
				} else {
					g.VMOVUPS(m, dst)
				}
			}
			loadQuery := func(c int, dst reg.VecPhysical) { g.VBROADCASTSS(query.at(c, 4*j), dst) }
			if vectors <= columns {
				for v, r := range held {
					loadKey(v, r)
				}
				for c := range columns {
					loadQuery(c, other)
					for v, r := range held {
						g.VFMADD231PS(r, other, acc(c, v))
					}
				}
				return
			}
			for c, r := range held {
				loadQuery(c, r)
			}
			for v := range vectors {
				loadKey(v, other)
				for c, r := range held {
					g.VFMADD231PS(other, r, acc(c, v))
				}
			}
		}
		steps := func(n int) {
			for j := range n {
				step(j)
			}
			g.advance(key, n*keyBlock*w.size)
			g.advance(query, 4*n)
		}
		n := g.load("d")
		g.while(n, 4, func() {
			bytes := 4 * keyBlock * w.size * blocks
			g.within(far, limit, func() {})
			for disp := 0; disp < bytes; disp += 64 {
				g.PREFETCHT1(at(far, disp))
				g.PREFETCHT0(at(next, disp))
			}
			g.ADDQ(imm(bytes), next)
			g.ADDQ(imm(bytes), far)
			steps(4)
			g.SUBQ(imm(4), n)
		})
		g.while(n, 1, func() {
			steps(1)
			g.DECQ(n)
		})
		to, lds := g.GP64(), g.loadBytes("lds")
		g.MOVQ(out, to)
		for c := range columns {
			for v := range vectors {
				g.VMOVUPS(acc(c, v), at(to, v*s.bytes))
			}
			if c+1 < columns {
				g.ADDQ(lds, to)
			}
		}
		for range blocks {
			g.ADDQ(size, keys)
		}
		g.ADDQ(imm(4*keyBlock*blocks), out)
	}
	// A single block is one chain a column, and waits for each multiplication.
	for ; blocks > 0; blocks = min(blocks-1, 2) {
		g.while(count, blocks, func() {
			tile(blocks)
			g.SUBQ(imm(blocks), count)
		})
	}
	g.ret()
	return name
}

package main

import "fmt"

// The scores of attention of scores.go: positions are lanes, a block of keys
// is four vectors.

// armScoreTiles lists, for 1, 2, ... columns, the blocks of a tile.
var armScoreTiles = []int{2, 2, 1, 1, 1, 1}

func armScores(a *arm) {
	for _, w := range weightTypes[:2] {
		var names []string
		for i, blocks := range armScoreTiles {
			names = append(names, a.scores(w, i+1, blocks))
		}
		a.choose("scoresTile"+w.name+"NEON", "columns", names)
	}
}

func (a *arm) scores(w weightType, columns, blocks int) string {
	const vectors = keyBlock / 4 // of a block
	name := fmt.Sprintf("scores%sx%dNEON", w.name, columns)
	typ := map[int]string{4: "float32", 2: "uint16"}[w.size]
	a.function(name, fmt.Sprintf("s *float32, lds int, keys *%s, blocks int, q *float32, ldq int, d int, end uintptr, ahead uintptr, limit uintptr, then uintptr", typ), "",
		fmt.Sprintf("%s sets s[c*lds+16*b+i] = Σ_j q[c*ldq+j]·keys[(b*d+j)*16+i] for %d columns c, b < blocks, i < 16, j < d.", name, columns),
		"blocks, d > 0. It fetches nothing ahead.")
	s, lds := a.load("s"), a.loadBytes("lds", 2)
	keys, count := a.load("keys"), a.load("blocks")
	q, ldq := a.load("q"), a.loadBytes("ldq", 2)
	d := a.load("d")
	size, n, to := a.reg(), a.reg(), a.reg()
	a.op("LSL $%d, %v, %v", map[int]int{4: 6, 2: 5}[w.size], d, size) // bytes of a block
	var key, query []gp
	for range blocks {
		key = append(key, a.reg())
	}
	for range columns {
		query = append(query, a.reg())
	}
	tile := func(blocks int) {
		acc := func(c, v int) vreg { return vreg(c*blocks*vectors + v) }
		used := columns * blocks * vectors
		factor := func(c int) vreg { return vreg(used + c) }
		value := factor(columns)
		for i := range used {
			a.zero(vreg(i))
		}
		a.move(keys, key[0])
		for i := 1; i < blocks; i++ {
			a.op("ADD %v, %v, %v", size, key[i-1], key[i])
		}
		a.move(q, query[0])
		for i := 1; i < columns; i++ {
			a.op("ADD %v, %v, %v", ldq, query[i-1], query[i])
		}
		steps := func(n int, load func(base gp, v vreg)) {
			for c, p := range query {
				load(p, factor(c))
				a.add(4*n, p)
			}
			for j := range n {
				for v := range blocks * vectors {
					disp := (j*keyBlock + v%vectors*4) * w.size
					if w.size == 2 {
						a.ldrD(key[v/vectors], disp, value)
						a.v2("fcvtl 4s 4h", value, value)
					} else {
						a.ldrQ(key[v/vectors], disp, value)
					}
					for c := range columns {
						a.fmlaLane(acc(c, v), value, factor(c), j)
					}
				}
			}
			for _, p := range key[:blocks] {
				a.add(n*keyBlock*w.size, p)
			}
		}
		a.move(d, n)
		a.while(n, 4, func() {
			steps(4, func(base gp, v vreg) { a.ldrQ(base, 0, v) })
			a.op("SUB $4, %v, %v", n, n)
		})
		a.while(n, 1, func() {
			steps(1, func(base gp, v vreg) { a.ldrS(base, 0, v) })
			a.op("SUB $1, %v, %v", n, n)
		})
		a.move(s, to)
		for c := range columns {
			for v := range blocks * vectors {
				a.strQ(acc(c, v), to, 16*v)
			}
			if c+1 < columns {
				a.addReg(lds, to)
			}
		}
		for range blocks {
			a.addReg(size, keys)
		}
		a.add(4*keyBlock*blocks, s)
	}
	widths := []int{blocks}
	if blocks > 1 {
		widths = append(widths, 1)
	}
	for _, blocks := range widths {
		a.while(count, blocks, func() {
			tile(blocks)
			a.op("SUB $%d, %v, %v", blocks, count, count)
		})
	}
	a.ret()
	return name
}

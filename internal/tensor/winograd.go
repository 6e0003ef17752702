package tensor

// Winograd's convolution F(4x4, 3x3) (A. Lavin, S. Gray: Fast algorithms for
// convolutional neural networks, arXiv:1509.09308): a square of 4x4 outputs
// takes a patch of 6x6 inputs to 36 values by additions, each of which is
// multiplied by the weights of its place, for all channels, and the 36 sums to
// the outputs. That are 36 multiplications instead of 144 for each pair of
// channels. The transforms have small whole numbers and their inverses as
// factors; chains of additions are nine times shorter than in the direct way,
// so that the result is about as close to the exact one.
const (
	winogradTile   = 4
	winogradPatch  = 6
	winogradPoints = winogradPatch * winogradPatch

	// winogradMost is the most input channels. Transformed weights take four times
	// the memory, which pays where pictures are large: in the decoders' finer
	// levels, which have fewer channels.
	winogradMost = 256
)

// newWinograd transforms the weights: G·g·Gᵀ of the 3x3 weights g of each pair
// of channels.
func newWinograd(weight, bias []float32, in, out int) *Conv3x3 {
	padded := convGroups(out) * convGroup
	c := &Conv3x3{In: in, Out: out, Stride: 1, points: make([]float32, winogradPoints*padded*in), bias: make([]float32, padded)}
	copy(c.bias, bias)
	// A place's weights of a group of outputs are neighbours: they are written
	// together.
	var g [winogradPoints][convGroup]float32
	for first := 0; first < out; first += convGroup {
		group := min(convGroup, out-first)
		points := c.points[winogradPoints*first*in:]
		for i := range in {
			for o := range group {
				winogradWeights(&g, o, weight[((first+o)*in+i)*9:][:9])
			}
			for p := range g {
				copy(points[(p*in+i)*convGroup:], g[p][:group])
			}
		}
	}
	return c
}

// winogradWeights sets column o of g to G·w·Gᵀ.
func winogradWeights(g *[winogradPoints][convGroup]float32, o int, w []float32) {
	w = w[:9]
	var t [winogradPatch][3]float64 // G·w
	for x := range 3 {
		t[0][x], t[1][x], t[2][x], t[3][x], t[4][x], t[5][x] = winogradFilter(float64(w[x]), float64(w[3+x]), float64(w[6+x]))
	}
	for y := range t {
		p0, p1, p2, p3, p4, p5 := winogradFilter(t[y][0], t[y][1], t[y][2])
		row := g[y*winogradPatch:][:winogradPatch]
		row[0][o], row[1][o], row[2][o] = float32(p0), float32(p1), float32(p2)
		row[3][o], row[4][o], row[5][o] = float32(p3), float32(p4), float32(p5)
	}
}

// winogradFilter is G·(a, b, c). The conversions keep compilers from fusing.
func winogradFilter(a, b, c float64) (p0, p1, p2, p3, p4, p5 float64) {
	ends, middle := float64((a+c)*(1.0/6)), float64(b*(1.0/6))
	far, near := float64(a*(1.0/24))+float64(c*(1.0/6)), float64(b*(1.0/12))
	return a * 0.25, -ends - middle, middle - ends, far + near, far - near, c
}

// Outputs are computed in regions of up to winogradHigh x winogradWide squares:
// their inputs stay in the second cache, and are enough that fetching the weights
// does not show. Regions depend on the image's size alone, as sums do on them.
const (
	winogradHigh = 4
	winogradWide = 8
)

// A winogradRegion is some squares of outputs, [high, wide] from square (y, x)
// on.
type winogradRegion struct{ y, x, high, wide int }

// winogradGrid is how many squares and regions an image of h x w pixels has
// downwards and across.
func winogradGrid(h, w int) (high, wide, down, across int) {
	high, wide = (h+winogradTile-1)/winogradTile, (w+winogradTile-1)/winogradTile
	return high, wide, (high + winogradHigh - 1) / winogradHigh, (wide + winogradWide - 1) / winogradWide
}

// winogradRegions is the number of regions.
func winogradRegions(h, w int) int {
	_, _, down, across := winogradGrid(h, w)
	return down * across
}

// region returns region i, of about the size of the others.
func (t *convTask) region(i int) winogradRegion {
	high, wide, down, across := winogradGrid(t.Dst.H, t.Dst.W)
	r, c := i/across, i%across
	y, x := r*high/down, c*wide/across
	return winogradRegion{y, x, (r+1)*high/down - y, (c+1)*wide/across - x}
}

// runWinograd computes all regions. Where they are fewer than threads, several
// share a region's channels; each transforms all inputs then.
func (t *convTask) runWinograd() {
	regions := winogradRegions(t.Dst.H, t.Dst.W)
	groups := convGroups(t.Conv.Out)
	t.parts = min(groups, (t.pool.threads+regions-1)/regions)
	if t.Sums != nil {
		t.Sums.of(t.Dst, regions)
	}
	t.do(convWinograd, regions*t.parts, 1)
	if t.Sums != nil && t.parts > 1 {
		t.do(convSumWinograd, regions, 1)
	}
}

// winogradGap keeps the parts of working memory from lying at multiples of a
// page, where they would take each other's places in the caches.
const winogradGap = 16

// winograd computes a part of the groups of output channels in a region.
func (t *convTask) winograd(worker, region, part int) {
	c, r := t.Conv, t.region(region)
	n := r.high * r.wide
	rowLen := (r.wide*winogradTile + 2) * c.In
	pixels := (r.high*winogradTile + 2) * rowLen
	stepIn, stepOut := n*c.In+winogradGap, n*convGroup+winogradGap
	buffer := t.pool.workspace(worker, pixels+winogradPoints*(stepIn+stepOut)+winogradTile*winogradTile*convGroup)
	source, buffer := buffer[:pixels], buffer[pixels:]
	inputs, buffer := buffer[:winogradPoints*stepIn], buffer[winogradPoints*stepIn:]
	products, edge := buffer[:winogradPoints*stepOut], buffer[winogradPoints*stepOut:]

	top, left := r.y*winogradTile, r.x*winogradTile
	for y := 0; y < pixels/rowLen; y++ {
		t.fill(source[y*rowLen:][:rowLen], top+y-1, left-1)
	}
	for i := range n {
		at := i/r.wide*winogradTile*rowLen + i%r.wide*winogradTile*c.In
		active.winogradInput(inputs[i*c.In:], stepIn, source[at:], rowLen, c.In)
	}
	groups := convGroups(c.Out)
	for g := part * groups / t.parts; g < (part+1)*groups/t.parts; g++ {
		for p := range winogradPoints {
			active.conv(convTile{
				dst: products[p*stepOut:], dstStride: convGroup, init: winogradZeros[:],
				src: inputs[p*stepIn:], srcStride: c.In,
				panel: c.points[(g*winogradPoints+p)*c.In*convGroup:], k: c.In,
			}, n)
		}
		for i := range n {
			t.winogradSquare(top+i/r.wide*winogradTile, left+i%r.wide*winogradTile, g*convGroup, products[i*convGroup:], stepOut, edge)
		}
	}
	if t.Sums != nil && t.parts == 1 {
		t.sumRegion(region) // while it is in the cache
	}
}

// sumRegion sums a region of the result.
func (t *convTask) sumRegion(region int) {
	r, c := t.region(region), t.Conv.Out
	top, left := r.y*winogradTile, r.x*winogradTile
	right := min(left+r.wide*winogradTile, t.Dst.W)
	sums := t.Sums.part(region)
	clear(sums)
	for y := top; y < min(top+r.high*winogradTile, t.Dst.H); y++ {
		active.channels(sums, t.Dst.Row(y)[left*c:right*c])
	}
}

// winogradZeros is what sums of products start with.
var winogradZeros [convGroup]float32

// winogradSquare puts the outputs from first on of a square, which may reach
// beyond the image, in their place.
func (t *convTask) winogradSquare(y, x, first int, products []float32, step int, edge []float32) {
	c, w := t.Conv, t.Dst.W
	bias := c.bias[first:]
	high, wide, channels := min(winogradTile, t.Dst.H-y), min(winogradTile, w-x), min(convGroup, c.Out-first)
	if high == winogradTile && wide == winogradTile && channels == convGroup {
		active.winogradOutput(t.Dst.Data[(y*w+x)*c.Out+first:], w*c.Out, c.Out, products, step, bias, t.Add)
		return
	}
	active.winogradOutput(edge, winogradTile*convGroup, convGroup, products, step, bias, false)
	for r := range high {
		active.put(t.Dst.Row(y + r)[x*c.Out+first:], c.Out, channels, edge[r*winogradTile*convGroup:][:wide*convGroup], t.Add)
	}
}

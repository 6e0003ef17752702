package vqgan

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/zipar/zipar/internal/tensor"
)

const officialChannels = 128

// official builds the VQ-16 decoder of LlamaGen: 128 channels, times 1, 1, 2,
// 2, 4 from the finest level to the coarsest, three residual blocks a level,
// attention at the coarsest (vq_model.py).
type official struct {
	conv    func(in, out int) *tensor.Conv3x3
	weights func(n int) []float32 // of everything else
}

// officialShapes has no weights: it is for what depends on sizes alone.
var officialShapes = official{
	conv:    func(in, out int) *tensor.Conv3x3 { return &tensor.Conv3x3{In: in, Out: out, Stride: 1} },
	weights: func(n int) []float32 { return make([]float32, n) },
}

// officialRandom has random weights, of a size that keeps the values of all
// layers near 1, and convolutions from newConv.
func officialRandom(newConv func(weight, bias []float32, in, out, stride int) *tensor.Conv3x3) official {
	state := uint32(1)
	random := func(n int, size float32) []float32 {
		w := make([]float32, n)
		for i := range w {
			state = state*1664525 + 1013904223
			w[i] = size * (float32(state>>8)/(1<<23) - 1)
		}
		return w
	}
	return official{
		conv: func(in, out int) *tensor.Conv3x3 {
			return newConv(random(9*in*out, 0.02), random(out, 0.1), in, out, 1)
		},
		weights: func(n int) []float32 { return random(n, 0.1) },
	}
}

func (o official) norm(c int) *norm {
	n := &norm{groups: min(32, c/2), eps: 1e-6, weight: o.weights(c), bias: o.weights(c)}
	for i := range n.weight {
		n.weight[i]++
	}
	return n
}

func (o official) conv1x1(in, out int) *conv1x1 {
	return &conv1x1{weight: tensor.MatrixOf(o.weights(in*out), out, in), bias: o.weights(out)}
}

func (o official) resBlock(in, out int) *resBlock {
	b := &resBlock{norm1: o.norm(in), conv1: o.conv(in, out), norm2: o.norm(out), conv2: o.conv(out, out)}
	if in != out {
		b.shortcut = tensor.NewConv1x1(o.weights(in*out), o.weights(out), in, out)
	}
	return b
}

func (o official) attnBlock(c int) *attnBlock {
	return &attnBlock{norm: o.norm(c), q: o.conv1x1(c, c), k: o.conv1x1(c, c), v: o.conv1x1(c, c), proj: o.conv1x1(c, c)}
}

// decoder has ch channels at the finest level; officialChannels is true to the
// original.
func (o official) decoder(ch int) *Decoder {
	const codes, dim = 16384, 8
	z, levels := 2*ch, []int{4 * ch, 2 * ch, 2 * ch, ch, ch}
	d := &Decoder{
		Config:   Config{PixelsPerToken: 16, NormGroups: 32, NormEps: 1e-6},
		codebook: &codebook{size: codes, dim: dim, vectors: o.weights(codes * dim)},
		postConv: o.conv1x1(dim, z),
	}
	ch = levels[0]
	d.layers = []layer{&convLayer{conv: o.conv(z, ch)}, o.resBlock(ch, ch), o.attnBlock(ch), o.resBlock(ch, ch)}
	for i, out := range levels {
		for range 3 {
			d.layers = append(d.layers, o.resBlock(ch, out))
			ch = out
			if i == 0 {
				d.layers = append(d.layers, o.attnBlock(ch))
			}
		}
		if i+1 < len(levels) {
			d.layers = append(d.layers, &upsample{o.conv(ch, ch)})
		}
	}
	d.layers = append(d.layers, &outLayer{norm: o.norm(ch), conv: o.conv(ch, 3)})
	return d
}

// operations are the multiplications and additions of a layer's convolutions
// and products for an input of h x w pixels.
func operations(l layer, h, w int) float64 {
	n := float64(h * w)
	conv := func(c *tensor.Conv3x3) float64 { return 18 * float64(c.In*c.Out) }
	switch l := l.(type) {
	case *convLayer:
		return n * conv(l.conv)
	case *outLayer:
		return n * conv(l.conv)
	case *upsample:
		return 4 * n * conv(l.conv)
	case *resBlock:
		ops := conv(l.conv1) + conv(l.conv2)
		if l.shortcut != nil {
			ops += 2 * float64(l.shortcut.In*l.shortcut.Out)
		}
		return n * ops
	case *attnBlock:
		c := float64(l.q.in())
		return n * (8*c*c + 4*n*c)
	}
	panic(fmt.Sprintf("a layer of type %T", l))
}

// BenchmarkDecode decodes random codes with the official shapes, with the
// convolutions as they are ("chosen") and computed directly. It logs the
// shortest time of each layer, a hash of the picture's bits, and the PSNR against
// the direct one. "peak" is what multiplying and adding in registers reaches
// meanwhile, "share" the decoder's part of it, for the operations of the direct
// way.
//
//	go test ./internal/vqgan -run xxx -bench Decode/256 -benchtime 5x -v
func BenchmarkDecode(b *testing.B) {
	p := tensor.NewPool(0)
	defer p.Close()
	ways := []struct {
		name    string
		newConv func(weight, bias []float32, in, out, stride int) *tensor.Conv3x3
		decoder *Decoder
	}{{name: "direct", newConv: tensor.NewDirectConv3x3}, {name: "chosen", newConv: tensor.NewConv3x3}}
	for _, px := range []int{256, 512, 1024} {
		var direct []float32
		for i := range ways {
			w := &ways[i]
			b.Run(fmt.Sprintf("%d/%s", px, w.name), func(b *testing.B) {
				if w.decoder == nil {
					w.decoder = officialRandom(w.newConv).decoder(officialChannels)
				}
				picture := benchmarkDecode(b, p, w.decoder, px)
				if direct == nil {
					direct = picture
				} else {
					b.Logf("PSNR %.1f dB", psnr(picture, direct))
				}
			})
		}
	}
}

// psnr compares pixels from -1 to 1.
func psnr(a, b []float32) float64 {
	var sum float64
	for i := range a {
		d := float64(min(max(a[i], -1), 1)) - float64(min(max(b[i], -1), 1))
		sum += d * d
	}
	return 10 * math.Log10(4*float64(len(a))/sum)
}

func benchmarkDecode(b *testing.B, p *tensor.Pool, d *Decoder, px int) []float32 {
	side := px / d.PixelsPerToken
	codes := make([]int32, side*side)
	for i := range codes {
		codes[i] = int32(i * 7919 % d.codebook.size)
	}
	best := make([]time.Duration, len(d.layers))
	var whole time.Duration
	var peak float64
	var picture []float32
	for b.Loop() {
		start := time.Now()
		last := start
		im, err := d.Decode(context.Background(), p, codes, side, side, func(layer, _ int) {
			now := time.Now()
			if t := now.Sub(last); best[layer-1] == 0 || t < best[layer-1] {
				best[layer-1] = t
			}
			last = now
		})
		if t := time.Since(start); whole == 0 || t < whole {
			whole = t
		}
		if err != nil {
			b.Fatal(err)
		}
		picture = im.Data
		for range 3 {
			start = time.Now()
			ops := p.Peak(tensor.PeakFMA, 1<<16)
			peak = max(peak, ops/time.Since(start).Seconds())
		}
	}
	bits := fnv.New64a()
	if err := binary.Write(bits, binary.LittleEndian, picture); err != nil {
		b.Fatal(err)
	}
	var all float64
	var report strings.Builder
	h, w := side, side
	for i, l := range d.layers {
		ops := operations(l, h, w)
		all += ops
		from := fmt.Sprintf("%d x %d", h, w)
		h, w = l.size(h, w)
		fmt.Fprintf(&report, "%-18s %-12s %6.1f ms, %5.1f%% of the peak\n", strings.TrimPrefix(fmt.Sprintf("%T", l), "*vqgan."), from,
			best[i].Seconds()*1e3, 100*ops/best[i].Seconds()/peak)
	}
	b.Logf("picture %016x\n%s", bits.Sum64(), &report)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(whole.Seconds()*1e3, "ms")
	b.ReportMetric(peak/1e9, "peak-GFLOP/s")
	b.ReportMetric(100*all/whole.Seconds()/peak, "%share")
	return picture
}

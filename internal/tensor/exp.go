package tensor

import "math"

// Exp is e**x in float32, within 1 unit in the last place. Results below the
// smallest normal number are 0; above the largest number they are +Inf.
//
// e**x = 2**n · e**r with n = round(x/ln 2) and |r| <= ln(2)/2; e**r is a
// polynomial (the coefficients of Cephes' expf, S. Moshier). ln 2 is taken
// off in two parts so that r keeps all its bits.
func Exp(x float32) float32 {
	const (
		log2e = 1.44269504088896341
		ln2Hi = 0.693359375
		ln2Lo = -2.12194440e-4
		round = 3 << 22 // adding it drops the fraction of a float32
	)
	if !(x > -87.33654) {
		if x != x {
			return x
		}
		return 0
	}
	if x > 88.72283 {
		return float32(math.Inf(1))
	}
	sum := fma(x, log2e, round) // n in its low bits
	n := sum - round
	r := fma(n, -ln2Lo, fma(n, -ln2Hi, x))
	wide, p := float64(r), float64(expSeries[0])
	for _, c := range expSeries[1:] {
		next, ok := fmaFast(p, wide, float64(c))
		if !ok {
			next = float64(fma(float32(p), r, c))
		}
		p = next
	}
	// Multiplying by 2**n is adding n to the exponent: it stays one, n = 128
	// included, as the result is a normal number.
	return math.Float32frombits(math.Float32bits(float32(p)) + math.Float32bits(sum)<<23)
}

// expSeries are the coefficients of e**r, the last power's first.
var expSeries = [...]float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1}

package tensor

import "math"

// Exp is e**x in float32, within 2 units in the last place. Results below the
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
	sum := float32(x*log2e) + round // n in its low bits
	n := sum - round
	r := x - float32(n*ln2Hi)
	r -= float32(n * ln2Lo)
	p := float32(1.9875691500e-4)
	p = float32(p*r) + 1.3981999507e-3
	p = float32(p*r) + 8.3334519073e-3
	p = float32(p*r) + 4.1665795894e-2
	p = float32(p*r) + 1.6666665459e-1
	p = float32(p*r) + 5.0000001201e-1
	p = float32(p*float32(r*r)) + r + 1
	// Multiplying by 2**n is adding n to the exponent: it stays one, n = 128
	// included, as the result is a normal number.
	return math.Float32frombits(math.Float32bits(p) + math.Float32bits(sum)<<23)
}

//go:build !noasm

package tensor

import "golang.org/x/sys/cpu"

// machineKernels returns the assembly kernels that this processor can run,
// slowest first.
func machineKernels() []*kernels {
	if !cpu.ARM64.HasASIMD {
		return nil
	}
	neon := genericKernels
	neon.name = "neon"
	neon.dot, neon.dotF16, neon.dotBF16 = dotNEON, dotF16NEON, dotBF16NEON
	neon.scores, neon.mix, neon.scoresF16, neon.mixF16, neon.half = scoresNEON, mixNEON, scoresF16NEON, mixF16NEON, halving(halfAsmNEON)
	neon.conv, neon.put = convNEON, putting(putAsmNEON, addPutAsmNEON)
	neon.winogradInput, neon.winogradOutput = winogradIn(winogradInputAsmNEON), winogradOut(winogradOutputAsmNEON, winogradAddOutputAsmNEON)
	neon.quantize, neon.packed = quantizeNEON, packedNEON()
	neon.scale, neon.add, neon.scaleBy = scaleNEON, addNEON, scaleByNEON
	neon.squares, neon.softmax, neon.swiglu, neon.gelu = squaresNEON, softmaxNEON, swigluNEON, geluNEON
	neon.rotate = rotating(rotateAsmNEON)
	neon.channels, neon.affine, neon.swish = channelsNEON, affineNEON, swishNEON
	neon.limits = limitsNEON()
	sets := []*kernels{&neon}
	if cpu.ARM64.HasASIMDDP {
		dotprod := neon
		dotprod.name = "dotprod"
		dotprod.packed, dotprod.limits = packedDotProd(), limitsDotProd()
		sets = append(sets, &dotprod)
	}
	return sets
}

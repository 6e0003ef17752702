//go:build !noasm

package tensor

import "golang.org/x/sys/cpu"

// machineKernels returns the assembly kernels that this processor can run,
// slowest first.
func machineKernels() []*kernels {
	var sets []*kernels
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasF16C && x.HasBMI2 {
		k := genericKernels
		k.name = "avx2"
		k.dot, k.dotF16, k.dotBF16 = dotAVX2, dotF16AVX2, dotBF16AVX2
		k.scores, k.mix, k.scoresF16, k.mixF16, k.half = scoresAVX2, mixAVX2, scoresF16AVX2, mixF16AVX2, halving(halfAsmAVX2)
		k.setKeys = settingKeys(setKeysAVX2)
		k.conv, k.put = convAVX2, putting(putAsmAVX2, addPutAsmAVX2)
		k.winogradInput, k.winogradOutput = winogradIn(winogradInputAsmAVX2), winogradOut(winogradOutputAsmAVX2, winogradAddOutputAsmAVX2)
		k.quantize, k.packed = quantizeAVX2, packedAVX2()
		k.scale, k.add, k.scaleBy = scaleAVX2, addAVX2, scaleByAVX2
		k.squares, k.softmax, k.swiglu, k.gelu = squaresAVX2, softmaxAVX2, swigluAVX2, geluAVX2
		k.rotate, k.fetch = rotating(rotateAsmAVX2), fetchAsm
		k.channels, k.affine, k.swish = channelsAVX2, affineAVX2, swishAVX2
		k.limits = limitsAVX2()
		sets = append(sets, &k)
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
			k := k
			k.name = "avx512"
			k.dot, k.dotF16, k.dotBF16 = dotAVX512, dotF16AVX512, dotBF16AVX512
			k.scores, k.mix, k.scoresF16, k.mixF16, k.half = scoresAVX512, mixAVX512, scoresF16AVX512, mixF16AVX512, halving(halfAsmAVX512)
			k.setKeys = settingKeys(setKeysAVX512)
			k.conv, k.put = convAVX512, putting(putAsmAVX512, addPutAsmAVX512)
			k.winogradInput, k.winogradOutput = winogradIn(winogradInputAsmAVX512), winogradOut(winogradOutputAsmAVX512, winogradAddOutputAsmAVX512)
			k.quantize = quantizeAVX512
			k.scale, k.add, k.scaleBy = scaleAVX512, addAVX512, scaleByAVX512
			k.squares, k.softmax, k.swiglu, k.gelu = squaresAVX512, softmaxAVX512, swigluAVX512, geluAVX512
			k.channels, k.affine, k.swish = channelsAVX512, affineAVX512, swishAVX512
			k.limits = limitsAVX512(x.HasAVX512VNNI)
			if x.HasAVX512VNNI {
				k.packed = packedVNNI() // those of AVX2 give the same bits
				k.pair = pairVNNI()
			}
			sets = append(sets, &k)
		}
	}
	return sets
}

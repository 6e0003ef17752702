package weights

import (
	"fmt"

	"github.com/zipar/zipar/internal/gguf"
)

// MaxSize bounds every dimension of a model: far above any published one, and
// small enough that products of two of them fit an int64.
const MaxSize = 1 << 24

// A Size is a key without its architecture, and where its value goes.
type Size struct {
	Key string
	Dst *int
}

// ReadSizes reads {arch}.{key} for each size. Values are 1 to MaxSize; others
// and missing keys are errors that name the key.
func ReadSizes(f *gguf.File, arch string, sizes []Size) error {
	for _, s := range sizes {
		v, err := f.Uint(arch + "." + s.Key)
		if err != nil {
			return err
		}
		if v < 1 || v > MaxSize {
			return fmt.Errorf("%s: %s.%s is %d: want 1 to %d", f.Path, arch, s.Key, v, MaxSize)
		}
		*s.Dst = int(v)
	}
	return nil
}

// ReadEpsilon reads the epsilon of an architecture's RMSNorm.
func ReadEpsilon(f *gguf.File, arch string) (float32, error) {
	eps, err := f.Float(arch + ".attention.layer_norm_rms_epsilon")
	if err != nil {
		return 0, err
	}
	if !(eps > 0 && eps < 1) {
		return 0, fmt.Errorf("%s: norm epsilon %v: want a small positive number", f.Path, eps)
	}
	return float32(eps), nil
}

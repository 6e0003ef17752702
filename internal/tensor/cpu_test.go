package tensor

import (
	"slices"
	"strings"
	"testing"
)

// onEachCPU runs a test with every set of kernels that this machine can run.
func onEachCPU(t *testing.T, test func(t *testing.T)) {
	for _, name := range CPUs() {
		t.Run(name, func(t *testing.T) {
			useCPU(t, name)
			test(t)
		})
	}
}

// useCPU selects a set of kernels for the rest of the test.
func useCPU(t testing.TB, name string) {
	t.Helper()
	old := CPU()
	if err := Select(name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Select(old); err != nil {
			t.Error(err)
		}
	})
}

func TestSelect(t *testing.T) {
	useCPU(t, "generic")
	if CPU() != "generic" {
		t.Errorf("after Select(generic) the level is %q", CPU())
	}
	if err := Select(""); err != nil || CPU() != CPUs()[len(CPUs())-1] {
		t.Errorf("Select of the best: level %q of %v, error %v", CPU(), CPUs(), err)
	}
	before := CPU()
	err := Select("pentium")
	if err == nil || !strings.Contains(err.Error(), `unknown cpu level "pentium", known are generic, avx2, avx512, neon, dotprod`) {
		t.Errorf("Select(pentium): %v", err)
	}
	for _, name := range levels {
		if slices.Contains(CPUs(), name) {
			continue
		}
		if err := Select(name); err == nil || !strings.Contains(err.Error(), "this machine has generic") {
			t.Errorf("Select(%s), which this machine has not: %v", name, err)
		}
	}
	if CPU() != before {
		t.Errorf("a failed Select changed the level from %q to %q", before, CPU())
	}
}

package t5

import "testing"

// The buckets of transformers' T5Attention for the distances -2000 to 2000.
func TestRelativeBucket(t *testing.T) {
	want := encoderGolden(t)["buckets"].Int32()
	if len(want) != 4001 {
		t.Fatalf("%d buckets in the golden file, want 4001", len(want))
	}
	for i, w := range want {
		if got := relativeBucket(i-2000, 32); got != int(w) {
			t.Errorf("distance %d: bucket %d, want %d", i-2000, got, w)
		}
	}
}

// Every even number of buckets that a file may ask for stays within them.
func TestRelativeBucketRange(t *testing.T) {
	for buckets := 4; buckets <= maxBuckets; buckets += 2 {
		for d := -300; d <= 300; d++ {
			if b := relativeBucket(d, buckets); b < 0 || b >= buckets {
				t.Fatalf("distance %d of %d buckets: bucket %d", d, buckets, b)
			}
		}
	}
}

func TestBiasByDistance(t *testing.T) {
	const buckets, heads, n = 8, 3, 20
	weight := make([]float32, buckets*heads)
	for i := range weight {
		weight[i] = float32(i)
	}
	bias := biasByDistance(weight, buckets, heads, n)
	for h := range heads {
		for query := range n {
			for key := range n {
				want := float32(relativeBucket(key-query, buckets)*heads + h)
				if got := bias[h*(2*n-1)+key-query+n-1]; got != want {
					t.Fatalf("head %d, query %d, key %d: %v, want %v", h, query, key, got, want)
				}
			}
		}
	}
}

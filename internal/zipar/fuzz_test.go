package zipar

import "testing"

func FuzzParseGeometry(f *testing.F) {
	for _, s := range []string{"16x16", "0x1", "-1x4", "24x24+1", "1048576x1", "99999999999x2", "x", "4X4", "4x4+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseGeometry(s)
		if err != nil {
			return
		}
		if err := g.Check(); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if again, err := ParseGeometry(g.String()); err != nil || again != g {
			t.Fatalf("%q is %+v, %s is %+v: %v", s, g, g, again, err)
		}
	})
}

// FuzzSchedule runs schedules of all kinds to their end: each slot is decoded
// once, and nothing is fed before it is known.
func FuzzSchedule(f *testing.F) {
	f.Add(uint8(4), uint8(6), uint8(2), uint8(0), false, uint8(0), uint64(0))
	f.Add(uint8(1), uint8(1), uint8(1), uint8(1), true, uint8(0), uint64(1))
	f.Add(uint8(9), uint8(5), uint8(5), uint8(1), false, uint8(3), uint64(7))
	f.Add(uint8(12), uint8(16), uint8(1), uint8(0), true, uint8(2), uint64(0xaaaaaaaa))
	f.Fuzz(func(t *testing.T, rows, cols, window, rowEnd uint8, adaptive bool, kept uint8, accepts uint64) {
		g := Geometry{Rows: 1 + int(rows)%16, Cols: 1 + int(cols)%16, RowEnd: int(rowEnd) % 2}
		if rowEnd%2 == 1 {
			adaptive = false
		}
		s := NewSchedule(g, 1+int(window)%g.Cols, adaptive, int(kept)%g.Rows)
		for pass := 0; ; pass++ {
			columns := s.Next()
			if len(columns) == 0 {
				break
			}
			if len(columns) > s.MaxColumns() {
				t.Fatalf("%d columns, at most %d were announced", len(columns), s.MaxColumns())
			}
			if pass > 4*g.Tokens()+16 {
				t.Fatalf("%+v: no end after %d passes", g, pass)
			}
			s.Done(accepts>>(pass%64)&1 == 1)
		}
		if got := s.Decoded(); got != g.Tokens() {
			t.Fatalf("%+v: %d tokens decoded, want %d", g, got, g.Tokens())
		}
	})
}

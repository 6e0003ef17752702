package machine

import (
	"time"

	"github.com/zipar/zipar/internal/tensor"
)

// read measures reading memory, in the fastest way that there is.
func (m *measurement) read(memory []byte) error {
	part := (8 << 20) * max(4, m.pool.Threads()) // parts of its own for every thread
	ways := tensor.ReadWays()
	for way := range ways {
		var works []work
		for lo := 0; lo < len(memory); lo += part {
			b := memory[lo:min(lo+part, len(memory))]
			works = append(works, work{bytes: float64(len(b)), run: func() { m.pool.Read(b, way) }})
		}
		bytes, _, err := m.rates(m.Each/time.Duration(ways), works)
		if err != nil {
			return err
		}
		m.report.Read = max(m.report.Read, bytes)
	}
	m.step()
	return nil
}

// peaks measures arithmetic in registers.
func (m *measurement) peaks() error {
	for _, k := range []struct {
		peak tensor.Peak
		to   *float64
	}{{tensor.PeakFMA, &m.report.FMA}, {tensor.PeakDot, &m.report.Dot}} {
		_, ops, err := m.rates(m.Each, []work{m.peak(k.peak)})
		if err != nil {
			return err
		}
		*k.to = ops
		m.step()
	}
	return nil
}

// peak is so many rounds of a kind of arithmetic that threads take no notice
// of how they start and end.
func (m *measurement) peak(k tensor.Peak) work {
	least := min(2*time.Millisecond, m.Each)
	for rounds := 1 << 8; ; rounds *= 2 {
		start := time.Now()
		ops := m.pool.Peak(k, rounds)
		if time.Since(start) >= least {
			return work{ops: ops, run: func() { m.pool.Peak(k, rounds) }}
		}
	}
}

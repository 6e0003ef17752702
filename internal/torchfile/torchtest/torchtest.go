// Package torchtest writes small checkpoints in the format of torch.save, for tests of what reads them.
package torchtest

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// Tensor is a contiguous tensor with a storage of its own.
type Tensor struct {
	Name  string
	Shape []int64
	Data  []float32

	// Class and Raw, if set, replace Data: a storage class of torch such as "BFloat16Storage", and its bytes.
	Class string
	Raw   []byte
}

// Write makes the checkpoint path: {key: {name: tensor, ...}}, or {name: tensor, ...} for the key "".
func Write(path, key string, tensors []Tensor) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	put := func(name string, data []byte) {
		if err != nil {
			return
		}
		var w io.Writer
		if w, err = z.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: zip.Store}); err == nil {
			_, err = w.Write(data)
		}
	}
	put("data.pkl", []byte(pickle(key, tensors)))
	put("byteorder", []byte("little"))
	for i, t := range tensors {
		put(fmt.Sprintf("data/%d", i), t.raw())
	}
	if err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}

func (t Tensor) class() string {
	if t.Class != "" {
		return t.Class
	}
	return "FloatStorage"
}

func (t Tensor) raw() []byte {
	if t.Class != "" {
		return t.Raw
	}
	b := make([]byte, 0, 4*len(t.Data))
	for _, v := range t.Data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// pickle writes the opcodes of protocol 2 that torch.save would.
func pickle(key string, tensors []Tensor) string {
	s := "\x80\x02}"
	if key != "" {
		s += str(key) + "}"
	}
	for i, t := range tensors {
		count, strides := int64(1), make([]int64, len(t.Shape))
		for d := len(t.Shape) - 1; d >= 0; d-- {
			strides[d] = count
			count *= t.Shape[d]
		}
		storage := "(" + str("storage") + "ctorch\n" + t.class() + "\n" + str(fmt.Sprint(i)) + str("cpu") + num(count) + "tQ"
		s += str(t.Name) + "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + num(0) + tuple(t.Shape) + tuple(strides) + "\x89}tRs"
	}
	if key != "" {
		s += "s"
	}
	return s + "."
}

func str(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func num(n int64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func tuple(v []int64) string {
	s := "("
	for _, n := range v {
		s += num(n)
	}
	return s + "t"
}

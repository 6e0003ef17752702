package gguf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// fileWith returns a file with one key, "k".
func fileWith(v Value) *File {
	return &File{Path: "m.gguf", keys: []string{"k"}, entries: map[string]entry{"k": {v, 99}}}
}

// TestGetters asks for every kind of value by every getter. An empty want means that the getter must refuse, with the
// fragment err.
func TestGetters(t *testing.T) {
	getters := map[string]func(f *File) (any, error){
		"Uint":    func(f *File) (any, error) { return untyped(f.Uint("k")) },
		"Int":     func(f *File) (any, error) { return untyped(f.Int("k")) },
		"Float":   func(f *File) (any, error) { return untyped(f.Float("k")) },
		"Bool":    func(f *File) (any, error) { return untyped(f.Bool("k")) },
		"Str":     func(f *File) (any, error) { return untyped(f.Str("k")) },
		"Strings": func(f *File) (any, error) { return untyped(f.Strings("k")) },
		"Uints":   func(f *File) (any, error) { return untyped(f.Uints("k")) },
		"Floats":  func(f *File) (any, error) { return untyped(f.Floats("k")) },
		"Bytes":   func(f *File) (any, error) { return untyped(f.Bytes("k")) },
	}
	type wants map[string]string // getter: what it returns; the others refuse
	number := func(s string) wants { return wants{"Uint": s, "Int": s, "Float": s} }
	tests := []struct {
		value Value
		want  wants
	}{
		{Of(uint8(200)), number("200")},
		{Of(int8(100)), number("100")},
		{Of(uint16(65535)), number("65535")},
		{Of(int16(7)), number("7")},
		{Of(uint32(math.MaxUint32)), wants{"Uint": "4294967295", "Int": "4294967295", "Float": "4.294967295e+09"}},
		{Of(int32(5)), number("5")},
		{Of(uint64(6)), number("6")},
		{Of(int64(8)), number("8")},
		{Of(int8(-1)), wants{"Int": "-1", "Float": "-1"}},
		{Of(int16(-300)), wants{"Int": "-300", "Float": "-300"}},
		{Of(int32(-70000)), wants{"Int": "-70000", "Float": "-70000"}},
		{Of(int64(math.MinInt64)), wants{"Int": "-9223372036854775808", "Float": "-9.223372036854776e+18"}},
		{Of(uint64(math.MaxUint64)), wants{"Uint": "18446744073709551615", "Float": "1.8446744073709552e+19"}},
		{Of(float32(0.1)), wants{"Float": "0.10000000149011612"}},
		{Of(0.1), wants{"Float": "0.1"}},
		{Of(true), wants{"Bool": "true"}},
		{Of(false), wants{"Bool": "false"}},
		{Of("x y"), wants{"Str": "x y"}},
		{Of(""), wants{"Str": ""}},
		{ArrayOf([]string{"a", "", "c"}), wants{"Strings": "[a  c]"}},
		{ArrayOf([]string{}), wants{"Strings": "[]"}},
		{ArrayOf([]uint8{1, 255}), wants{"Bytes": "[1 255]", "Uints": "[1 255]", "Floats": "[1 255]"}},
		{ArrayOf([]int8{1, -1}), wants{"Bytes": "[1 255]", "Floats": "[1 -1]"}},
		{ArrayOf([]uint16{1, 2}), wants{"Uints": "[1 2]", "Floats": "[1 2]"}},
		{ArrayOf([]int16{1, 2}), wants{"Uints": "[1 2]", "Floats": "[1 2]"}},
		{ArrayOf([]uint32{1, 2}), wants{"Uints": "[1 2]", "Floats": "[1 2]"}},
		{ArrayOf([]int32{3, -2}), wants{"Floats": "[3 -2]"}},
		{ArrayOf([]uint64{}), wants{"Uints": "[]", "Floats": "[]"}},
		{ArrayOf([]int64{9}), wants{"Uints": "[9]", "Floats": "[9]"}},
		{ArrayOf([]float32{0.5}), wants{"Floats": "[0.5]"}},
		{ArrayOf([]float64{0.1}), wants{"Floats": "[0.1]"}},
		{ArrayOf([]bool{true}), wants{}},
		{Nested(ArrayOf([]uint8{1})), wants{}},
	}
	for _, tt := range tests {
		for name, getter := range getters {
			got, err := getter(fileWith(tt.value))
			want, ok := tt.want[name]
			if ok {
				if err != nil || fmt.Sprint(got) != want {
					t.Errorf("%s of %s: %v, %v; want %s", name, tt.value.describe(), got, err, want)
				}
				continue
			}
			var format *FormatError
			if !errors.As(err, &format) || format.Key != "k" || format.Offset != 99 || errors.Is(err, ErrNoKey) {
				t.Errorf("%s of %s: %v, %v; want a *FormatError about key k", name, tt.value.describe(), got, err)
			}
		}
	}
	for name, getter := range getters {
		_, err := getter(&File{Path: "m.gguf"})
		if !errors.Is(err, ErrNoKey) || err.Error() != `gguf: m.gguf: key "k": no such key` {
			t.Errorf("%s without the key: %v", name, err)
		}
	}
}

// untyped turns a typed result into an untyped one.
func untyped[T any](x T, err error) (any, error) { return x, err }

func TestGetterMessages(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{second(fileWith(Of("x")).Uint("k")), `gguf: m.gguf: key "k": has type string, want an integer`},
		{second(fileWith(Of(int32(-5))).Uint("k")), `gguf: m.gguf: key "k": is -5, want a non-negative integer`},
		{second(fileWith(Of(uint64(1 << 63))).Int("k")), `gguf: m.gguf: key "k": is 9223372036854775808, want at most 9223372036854775807`},
		{second(fileWith(Of(true)).Float("k")), `gguf: m.gguf: key "k": has type bool, want a number`},
		{second(fileWith(ArrayOf([]int16{4, -1})).Uints("k")), `gguf: m.gguf: key "k": element 1 of 2 is -1, want a non-negative integer`},
		{second(fileWith(ArrayOf([]float32{1})).Uints("k")), `gguf: m.gguf: key "k": has type array of 1 f32, want an array of integers`},
		{second(fileWith(Nested()).Floats("k")), `gguf: m.gguf: key "k": has type array of 0 array, want an array of numbers`},
		{second(fileWith(Of(uint8(1))).Strings("k")), `gguf: m.gguf: key "k": has type u8, want an array of strings`},
	}
	for _, tt := range tests {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("got  %v\nwant %s", tt.err, tt.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestExpansionLimit wants values that would take too much memory to be refused before the memory is taken.
func TestExpansionLimit(t *testing.T) {
	array := func(n int) Value {
		return Value{TypeArray, append(appendArrayHeader(nil, TypeUint8, n), make([]byte, n)...)}
	}
	f := fileWith(array(maxExpanded/9 + 1)) // as u64, with the encoding: above the limit
	if _, err := f.Uints("k"); err == nil || !strings.Contains(err.Error(), "array of 7456541 u8 takes 67108881 bytes in memory, limit is 67108864") {
		t.Errorf("Uints: %v", err)
	}
	if _, err := f.Bytes("k"); err != nil {
		t.Errorf("Bytes: %v", err)
	}
	huge := string(make([]byte, maxExpanded))
	for name, err := range map[string]error{
		"Str":     second(fileWith(Of(huge)).Str("k")),
		"Bytes":   second(fileWith(array(maxExpanded)).Bytes("k")),
		"Strings": second(fileWith(ArrayOf([]string{huge})).Strings("k")),
	} {
		if err == nil || !strings.Contains(err.Error(), "limit is 67108864") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAll(t *testing.T) {
	v := Nested(ArrayOf([]string{"a", "bc"}), ArrayOf([]int16{-1}), Nested(ArrayOf([]bool{}), ArrayOf([]uint64{3, 4})))
	var got []string
	for e := range v.All() {
		got = append(got, e.describe()+" "+e.String())
	}
	want := []string{`array of 2 string ["a", "bc"]`, "array of 1 i16 [-1]", "array of 2 array [[], [3, 4]]"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for e := range v.All() { // stops early
		if e.Elem() != TypeString {
			t.Errorf("first element is %s", e)
		}
		break
	}
}

func TestNotAnArray(t *testing.T) {
	v := Of("x")
	for name, f := range map[string]func(){
		"Len":    func() { v.Len() },
		"Elem":   func() { v.Elem() },
		"All":    func() { v.All() },
		"Nested": func() { Nested(v) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != "gguf: value is string, not an array" {
					t.Errorf("%s: panic %s", name, got)
				}
			}()
			f()
		}()
	}
}

func TestRender(t *testing.T) {
	long := make([]int32, 1000)
	tests := []struct {
		value Value
		want  string
	}{
		{ArrayOf(long), "[" + strings.Repeat("0, ", 27) + "...]"},
		{Of(strings.Repeat("x", 81)), `"` + strings.Repeat("x", 80) + `"...`},
		{Of(strings.Repeat("x", 78) + "ßß"), `"` + strings.Repeat("x", 78) + `ß"...`},
		{Of(strings.Repeat("x", 79) + "ßß"), `"` + strings.Repeat("x", 79) + `"...`},
		{Of(strings.Repeat("x", 77) + "🐍🐍"), `"` + strings.Repeat("x", 77) + `"...`},
		{Of("a\x1b[31m\n\xff"), `"a\x1b[31m\n\xff"`},
		{Of(float32(1) / 3), "0.33333334"},
		{Of(math.Inf(-1)), "-Inf"},
		{Nested(), "[]"},
	}
	for _, tt := range tests {
		if got := tt.value.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	if got := ValueType(13).String(); got != "type 13" {
		t.Errorf("type 13 is called %q", got)
	}
}

// Typed access to a file's metadata. An error names file and key, and what is there where something else was wanted.

package gguf

// Value finds a value of any type by its key.
func (f *File) Value(key string) (Value, bool) {
	e, ok := f.entries[key]
	return e.value, ok
}

// Uint returns an integer of any type that is not negative.
func (f *File) Uint(key string) (uint64, error) { return get(f, key, Value.Uint) }

// Int returns an integer of any type, unless it is larger than an int64.
func (f *File) Int(key string) (int64, error) { return get(f, key, Value.Int) }

// Float returns an f32, an f64 or an integer.
func (f *File) Float(key string) (float64, error) { return get(f, key, Value.Float) }

// Bool returns a bool.
func (f *File) Bool(key string) (bool, error) { return get(f, key, Value.Bool) }

// Str returns a string.
func (f *File) Str(key string) (string, error) { return get(f, key, Value.Str) }

// Strings returns an array of strings.
func (f *File) Strings(key string) ([]string, error) { return get(f, key, Value.Strings) }

// Uints returns an array of integers of any type, none of them negative.
func (f *File) Uints(key string) ([]uint64, error) { return get(f, key, Value.Uints) }

// Floats returns an array of f32, f64 or integers.
func (f *File) Floats(key string) ([]float64, error) { return get(f, key, Value.Floats) }

// Bytes returns an array of u8 or i8 as bytes.
func (f *File) Bytes(key string) ([]byte, error) { return get(f, key, Value.Bytes) }

// get decodes the value of key. The error is a *FormatError, which wraps ErrNoKey if there is no such key.
func get[T any](f *File, key string, decode func(Value) (T, error)) (T, error) {
	var none T
	e, ok := f.entries[key]
	if !ok {
		return none, &FormatError{Path: f.Path, Key: key, Reason: ErrNoKey.Error(), err: ErrNoKey}
	}
	x, err := decode(e.value)
	if err != nil {
		return none, &FormatError{Path: f.Path, Offset: e.offset, Key: key, Reason: err.Error()}
	}
	return x, nil
}

package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// entry is a zip entry of a checkpoint made by hand.
type entry struct {
	name string
	data string
}

func pack(t testing.TB, method uint16, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func load(b []byte) (*StateDict, error) {
	f, err := New("x.pt", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return f.StateDict("model", "")
}

// Opcodes in short.
func str(s string) string { return "X" + u32(len(s)) + s }
func u32(n int) string    { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
func u64(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }
func num(n int64) string  { return "\x8a\x08" + u64(uint64(n)) }
func nums(v ...int64) string {
	s := "("
	for _, n := range v {
		s += num(n)
	}
	return s + "t"
}

// storageID is the persistent id of a storage, tensorOf a tensor, model the pickle of {name: tensor}.
func storageID(class, key string, count int64) string {
	return "(" + str("storage") + "c" + class + "\n" + str(key) + str("cpu") + num(count) + "tQ"
}

func tensorOf(storage string, offset int64, shape, strides string) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + num(offset) + shape + strides + "\x89}tR"
}

func model(tensor string) string { return "\x80\x02}" + str("w") + tensor + "s." }

func floats(n int) string { return strings.Repeat("\x00\x00\x80\x3f", n) }

func TestHandMadeTensor(t *testing.T) {
	p := model(tensorOf(storageID("torch\nFloatStorage", "0", 6), 0, nums(2, 3), nums(3, 1)))
	d, err := load(pack(t, zip.Store, entry{"a/data.pkl", p}, entry{"a/data/0", floats(6)}))
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, d.Tensors[0]); !same(got, []float32{1, 1, 1, 1, 1, 1}) {
		t.Errorf("got %v", got)
	}
}

func TestHostileTensors(t *testing.T) {
	const float = "torch\nFloatStorage"
	const top = 1<<63 - 1
	s := storageID(float, "0", 6)
	list := "](" + num(2) + num(3) + "e"
	for _, c := range []struct{ name, tensor, want string }{
		{"shape too large", tensorOf(s, 0, nums(3, 3), nums(3, 1)), "needs 9 elements, its storage has 6"},
		{"offset too large", tensorOf(s, 1, nums(2, 3), nums(3, 1)), "at offset 1 needs 7 elements"},
		{"offset at the end", tensorOf(s, 6, nums(1), nums(1)), "needs 7 elements"},
		{"offset below zero", tensorOf(s, -1, nums(2), nums(1)), "its storage offset is -1"},
		{"offset no number", "ctorch._utils\n_rebuild_tensor_v2\n(" + s + "N" + nums(2) + nums(1) + "tR", "its storage offset is None"},
		{"strides too large", tensorOf(s, 0, nums(2, 3), nums(4, 1)), "needs 7 elements"},
		{"stride below zero", tensorOf(s, 5, nums(6), nums(-1)), "strides: number 0 is -1, below zero"},
		{"shape below zero", tensorOf(s, 0, nums(-2, -3), nums(3, 1)), "shape: number 0 is -2, below zero"},
		{"overflow of the reach", tensorOf(s, 0, nums(top, 2), nums(top, 1)), "beyond any storage"},
		{"overflow of the sum", tensorOf(s, 0, nums(2, 2), nums(top, top)), "beyond any storage"},
		{"overflow of the count", tensorOf(s, 0, nums(top, top), nums(0, 0)), "too many elements"},
		{"repeated values", tensorOf(s, 0, nums(1<<40), nums(0)), "repeated values"},
		{"fewer strides", tensorOf(s, 0, nums(2, 3), nums(1)), "1 strides for 2 dimensions"},
		{"many dimensions", tensorOf(s, 0, nums(make([]int64, 17)...), nums(1)), "17 dimensions, at most 16"},
		{"shape a list", tensorOf(s, 0, list, nums(3, 1)), "shape: it is a list of 2, not a tuple"},
		{"shape of floats", tensorOf(s, 0, "G\x00\x00\x00\x00\x00\x00\x00\x00\x85", nums(1)), "shape: number 0 is a float"},
		{"shape of big integers", tensorOf(s, 0, "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01\x85", nums(1)), "shape: number 0 is something else"},
		{"few arguments", "ctorch._utils\n_rebuild_tensor_v2\n(" + s + "tR", "1 values describe it"},
		{"storage an int", tensorOf("K\x01", 0, nums(2), nums(1)), "its storage is an int"},
		{"storage unknown class", tensorOf(storageID("torch\nQInt8Storage", "0", 6), 0, nums(2), nums(1)), "element type is not known (storage class torch.QInt8Storage)"},
		{"raw storage in a typed tensor", tensorOf(storageID("torch.storage\nUntypedStorage", "0", 24), 0, nums(2), nums(1)), "element type is not known"},
		{"storage missing", tensorOf(storageID(float, "7", 6), 0, nums(2), nums(1)), `its storage "7" is not in the file`},
		{"storage key a path", tensorOf(storageID(float, "../../etc/passwd", 6), 0, nums(2), nums(1)), `"../../etc/passwd" is not in the file`},
		{"storage shorter than stated", tensorOf(storageID(float, "0", 7), 0, nums(7), nums(1)), "has 7 elements of 4 bytes, the entry in the file has 24 bytes"},
		{"storage of doubles", tensorOf(storageID("torch\nDoubleStorage", "0", 6), 0, nums(6), nums(1)), "6 elements of 8 bytes, the entry in the file has 24"},
		{"storage count overflow", tensorOf(storageID(float, "0", top), 0, nums(6), nums(1)), "the entry in the file has 24 bytes"},
		{"storage count below zero", tensorOf(storageID(float, "0", -1), 0, nums(6), nums(1)), "storage with key a string and an int elements"},
		{"storage key an int", tensorOf("("+str("storage")+"c"+float+"\nK\x00"+str("cpu")+"K\x06tQ", 0, nums(6), nums(1)), "storage with key an int"},
		{"storage class a string", tensorOf("("+str("storage")+str("FloatStorage")+str("0")+str("cpu")+"K\x06tQ", 0, nums(6), nums(1)), "a storage's class is a string"},
		{"persistent id of another kind", tensorOf("("+str("module")+"NNNNtQ", 0, nums(6), nums(1)), "a persistent id is a tuple of 5, not a storage"},
		{"persistent id no tuple", tensorOf(str("0")+"Q", 0, nums(6), nums(1)), "a persistent id is a string"},
		{"parameter without a tensor", "ctorch._utils\n_rebuild_parameter\n)R", "a call without the argument"},
		{"subclass without arguments", "ctorch._tensor\n_rebuild_from_type_v2\n)R", "no dict of tensors"},
		{"storage class called", "c" + float + "\n)R", "REDUCE requires a Callable"},
	} {
		d, err := load(pack(t, zip.Store, entry{"a/data.pkl", model(c.tensor)}, entry{"a/data/0", floats(6)}))
		if err == nil {
			t.Errorf("%s: no error, %+v", c.name, d.Tensors[0])
			continue
		}
		wantFormatError(t, err, c.want)
	}
}

func TestTensorNameNoString(t *testing.T) {
	p := "\x80\x02}K\x01" + tensorOf(storageID("torch\nFloatStorage", "0", 6), 0, nums(6), nums(1)) + "s."
	_, err := load(pack(t, zip.Store, entry{"a/data.pkl", p}, entry{"a/data/0", floats(6)}))
	wantFormatError(t, err, "a tensor's name is an int")
}

// A key that stands twice: the last value counts, as in Python.
func TestKeyTwice(t *testing.T) {
	tensor := func(n int64) string { return tensorOf(storageID("torch\nFloatStorage", "0", 6), 0, nums(n), nums(1)) }
	p := "\x80\x02}(" + str("w") + tensor(2) + str("w") + tensor(5) + "u."
	d, err := load(pack(t, zip.Store, entry{"a/data.pkl", p}, entry{"a/data/0", floats(6)}))
	if err != nil || len(d.Tensors) != 1 || d.Tensors[0].Len() != 5 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestHostilePickles(t *testing.T) {
	many := strings.Repeat
	entries := ""
	for i := range 21 {
		entries += str(fmt.Sprint("k", i)) + "\x88"
	}
	for _, c := range []struct{ name, pickle, want string }{
		{"nothing", "", "ends after 0 bytes without STOP"},
		{"no stop", "\x80\x02}", "ends after 3 bytes without STOP"},
		{"rest after stop", "}.}", "1 bytes after STOP"},
		{"stop on an empty stack", ".", "STOP at byte 0: needs 1 values, the stack has 0"},
		{"unknown opcode", "\xff.", "opcode 0xff at byte 0"},
		{"extension code", "\x82\x01.", "opcode 0x82"},
		{"next buffer", "\x97.", "opcode 0x97"},
		{"read-only buffer", "}\x98.", "opcode 0x98"},
		{"instance of protocol 0", "(ios\nsystem\n.", "opcode 0x69"},
		{"object of protocol 0", "(cos\nsystem\no.", "opcode 0x6f"},
		{"text persistent id", "P0\n.", "opcode 0x50"},
		{"text string", "S'a'\n.", "opcode 0x53"},
		{"text memo", "}p0\n.", "opcode 0x70"},
		{"protocol 6", "\x80\x06}.", "protocol 6 is not known"},
		{"protocol cut off", "\x80", "PROTO at byte 0: needs 1 bytes, 0 are left"},
		{"string of 4 GB", "X\xff\xff\xff\xffa.", "BINUNICODE at byte 0: needs 4294967295 bytes, 2 are left"},
		{"string of 2^63 bytes", "\x8d\xff\xff\xff\xff\xff\xff\xff\x7fa.", "needs 9223372036854775807 bytes"},
		{"bytes of 2^64-1 bytes", "\x8e\xff\xff\xff\xff\xff\xff\xff\xffa.", "needs 18446744073709551615 bytes"},
		{"bytearray", "\x96\xff\xff\xff\xff\xff\xff\xff\xffa.", "BYTEARRAY8 at byte 0: needs 18446744073709551615 bytes"},
		{"string of negative length", "T\xff\xff\xff\xffa.", "negative length -1"},
		{"length cut off", "X\x01\x00", "needs 4 bytes, 2 are left"},
		{"frame of 2^63 bytes", "\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.", "a frame of 9223372036854775807 bytes, 2 are left"},
		{"frame in a frame", "\x80\x04\x95" + u64(12) + "\x95" + u64(2) + "}0}.", "beginning of a new frame"},
		{"argument over a frame's end", "\x80\x04\x95" + u64(3) + str("abc") + ".", "exhausted before end of frame"},
		{"integer of no bytes", "\x8a\x00.", "an integer of 0 bytes"},
		{"integer of 2 GB", "\x8b\xff\xff\xff\x7f.", "an integer of 2147483647 bytes"},
		{"integer of a megabyte", "\x8b\x00\x00\x10\x00" + many("\x01", 1<<20) + ".", "an integer of 1048576 bytes"},
		{"decimal without end", "I" + many("1", 2000), "no end of line within 1024 bytes"},
		{"decimal of letters", "I1e9\n.", `"1e9" is no integer`},
		{"decimal of signs", "L--\n.", `"--" is no integer`},
		{"decimal empty", "I\n.", `"" is no integer`},
		{"decimal too large for an int", "I99999999999999999999\n.", "value out of range"},
		{"name without end", "cos", "GLOBAL at byte 0: no end of line within 2 bytes"},
		{"name without its second line", "cos\nsystem", "no end of line within 6 bytes"},
		{"long name", "c" + many("m", 2000) + "\nn\n.", "no end of line within 1024 bytes"},
		{"memo never stored", "h\x05.", "BINGET at byte 0: memo 5 was never stored"},
		{"memo never stored, long", "j\xff\xff\xff\xff.", "memo 4294967295 was never stored"},
		{"memo get cut off", "j\xff.", "needs 4 bytes"},
		{"memo put cut off", "}r\xff.", "needs 4 bytes"},
		{"memo index", "}r\xff\xff\xff\x7f.", "memo index 2147483647, the limit is 1048576"},
		{"memo put on an empty stack", "q\x00.", "needs 1 values"},
		{"memoize on an empty stack", "\x94.", "needs 1 values"},
		{"marks", many("(", 1001) + ".", "more than 1000 marks open"},
		{"no mark", "}u.", "no mark on the stack"},
		{"pop on nothing", "0.", "no mark on the stack"},
		{"odd items", "}(Nu.", "1 values are no pairs"},
		{"odd dict", "(NNNd.", "3 values are no pairs"},
		{"reduce without arguments", ")R.", "REDUCE at byte 1: needs 2 values, the stack has 1"},
		{"values behind a mark", "N(R.", "needs 2 values, the stack has 0"},
		{"dup of nothing", "2.", "needs 1 values"},
		{"stack", many("N", maxStack+1) + ".", "more than 1048576 values on the stack"},
		{"stack by dup", "N" + many("2", maxStack) + ".", "more than 1048576 values on the stack"},
		{"opcodes", "N" + many("20", maxOps/2) + ".", "more than 4194304 opcodes"},
		{"dicts", many("}0", maxObjects+1) + ".", "more than 1048576 objects"},
		{"tuples", ")" + many("\x85", maxObjects) + ".", "more than 1048576 objects"},
		{"reduce with a list", "cos\nsystem\n]R.", "REDUCE args must be *Tuple"},
		{"reduce of a string", str("os.system") + "K\x01\x85R.", "REDUCE requires a Callable"},
		{"new object of a string", str("a") + ")\x81.", "NEWOBJ requires a PyNewable"},
		{"append to a string", str("a") + "Na.", "APPEND requires"},
		{"items of None", "N(K\x01K\x02u.", "SETITEMS requires"},
		{"state of a list", "]}" + str("a") + "Nsb.", "BUILD requires"},
		{"class name no string", "K\x01K\x02\x93.", "STACK_GLOBAL requires"},
		{"set of bytes, which no map can hold", "\x8f(C\x01a\x90.", "it describes no valid object"},
		{"ordered dict with arguments", "ccollections\nOrderedDict\nK\x01\x85R.", "OrderedDictClass.Call"},
		{"no dict", "K\x01.", "it holds an int, not a dict"},
		{"empty dict", "}.", "the file has nothing"},
		{"dict of itself", "}q\x00" + str("model") + "h\x00s.", `the file has "model" (a dict of 1)`},
		{"dict with many keys", "}(" + entries + "u.", `"k11" (a bool), ... (21 in all)`},
	} {
		_, err := load(pack(t, zip.Store, entry{"a/data.pkl", c.pickle}))
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		wantFormatError(t, err, c.want)
		if len(err.Error()) > 700 {
			t.Errorf("%s: a message of %d bytes", c.name, len(err.Error()))
		}
	}
}

// What Python writes around a model must not stop it from being read.
func TestHarmlessObjects(t *testing.T) {
	tensor := tensorOf(storageID("torch\nFloatStorage", "0", 6), 0, nums(6), nums(1))
	for _, c := range []struct{ name, value string }{
		{"namespace", "cargparse\nNamespace\n)\x81}" + str("lr") + "G\x3f\x1a\x36\xe2\xeb\x1c\x43\x2dsb"},
		{"namespace with slots", "cargparse\nNamespace\n)\x81N}" + str("lr") + "Ns\x86b"},
		{"keyword arguments", "cm\nC\n)}\x92"},
		{"default dict", "ccollections\ndefaultdict\nc__builtin__\nint\n\x85RK\x01K\x02s"},
		{"deque", "ccollections\ndeque\n)R(K\x01K\x02e"},
		{"own set class", "cm\nSet\n)R(K\x01\x90"},
		{"append to an unknown object", "cm\nList\n)\x81K\x01a"},
		{"set", "c__builtin__\nset\n](K\x01e\x85R"},
		{"set of protocol 4", "\x8f(K\x01K\x02\x90"},
		{"frozenset", "(K\x01\x91"},
		{"big integer", "\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"},
		{"decimal integers", "(I01\nI-5\nL7L\nL99999999999999999999999L\nl"},
		{"strings and bytes", "(U\x01aT\x01\x00\x00\x00bC\x01cB\x01\x00\x00\x00d\x8c\x01e\x8e" + u64(1) + "f\x8d" + u64(1) + "g\x96" + u64(1) + "hl"},
		{"values and marks dropped", "(NN1" + "NN0" + "(0"},
		{"dup", "N2\x86"},
		{"class by names on the stack", str("m") + str("C") + "\x93"},
		{"dtype and device", "ctorch\nbfloat16\nctorch\ndevice\n" + str("cuda") + "\x85R\x86"},
		{"code", "c__builtin__\neval\n" + str("__import__('os').system('id')") + "\x85R"},
		{"code by getattr", "c__builtin__\ngetattr\ncos\nsystem\n" + str("x") + "\x86R" + str("id") + "\x85R"},
		{"nested load", "ctorch.storage\n_load_from_bytes\nC\x02N.\x85R"},
	} {
		p := "\x80\x02}(" + str("w") + tensor + str("beside") + c.value + "u."
		d, err := load(pack(t, zip.Store, entry{"a/data.pkl", p}, entry{"a/data/0", floats(6)}))
		if err != nil || len(d.Tensors) != 1 {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
	}
}

// The worst pickle that passes the scan must stay within a few hundred megabytes: dicts that are all kept.
func TestMemoryOfManyObjects(t *testing.T) {
	if err := scan([]byte("](" + strings.Repeat("}", maxObjects-1) + "e.")); err != nil {
		t.Fatal(err)
	}
	const n = maxObjects / 16
	data := []byte("](" + strings.Repeat("}", n) + "e.")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	root, err := execute(data)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(root)
	if per := (after.TotalAlloc - before.TotalAlloc) / n; per > 400 {
		t.Errorf("%d bytes for each of %d dicts: %d MB at the limit", per, n, per*maxObjects>>20)
	}
}

func TestHostileZips(t *testing.T) {
	good := []entry{{"a/data.pkl", model(tensorOf(storageID("torch\nFloatStorage", "0", 6), 0, nums(6), nums(1)))}, {"a/data/0", floats(6)}, {"a/data/1", floats(6)}}
	// directory is the central directory's record of the i-th entry.
	directory := func(b []byte, i int) []byte {
		at := 0
		for range i + 1 {
			at += bytes.Index(b[at:], []byte("PK\x01\x02")) + 4
		}
		return b[at-4:]
	}
	for _, c := range []struct {
		name    string
		entries []entry
		spoil   func(b []byte) []byte
		want    string
	}{
		{"two pickles", append([]entry{{"b/data.pkl", "}."}}, good...), nil, "it holds 2 pickles"},
		{"no pickle", []entry{{"a/data/0", "x"}}, nil, "zip without data.pkl"},
		{"no entries", nil, nil, "zip without data.pkl"},
		{"npz", []entry{{"a.npy", "x"}}, nil, ".npz archive"},
		{"entry twice", append([]entry{{"a/data/0", "x"}}, good...), nil, `entry "a/data/0" stands twice`},
		{"encrypted", good, func(b []byte) []byte { directory(b, 1)[8] |= 1; return b }, "encrypted"},
		{"stored with two sizes", good, func(b []byte) []byte { directory(b, 1)[24]++; return b }, "its sizes differ: 24 and 25 bytes"},
		{"size beyond the file", good, func(b []byte) []byte {
			copy(directory(b, 1)[20:], u32(1<<30)+u32(1<<30))
			return b
		}, "needs 1073741824 bytes at offset"},
		{"local header elsewhere", good, func(b []byte) []byte {
			copy(directory(b, 1)[42:], u32(1<<30))
			return b
		}, `entry "a/data/0": local header`},
		{"two entries over the same bytes", good, func(b []byte) []byte {
			copy(directory(b, 2)[42:], directory(b, 1)[42:46])
			return b
		}, `entries "a/data/0" and "a/data/1" overlap`},
		{"cut off", good, func(b []byte) []byte { return b[:len(b)-30] }, "cut off or damaged"},
	} {
		b := pack(t, zip.Store, c.entries...)
		if c.spoil != nil {
			b = c.spoil(b)
		}
		_, err := load(b)
		wantFormatError(t, err, c.want)
	}
}

func TestPickleTooLong(t *testing.T) {
	a := &archive{records: map[string]record{"data.pkl": {size: maxPickle + 1}}}
	if _, err := a.pickle(); err == nil || !strings.Contains(err.Error(), "data.pkl has 67108865 bytes, the limit is 67108864") {
		t.Errorf("got %v", err)
	}
}

// The pickle or the byte order cannot be read, though the directory could.
func TestArchiveReadErrors(t *testing.T) {
	b := pack(t, zip.Store, entry{"a/byteorder", "little"}, entry{"a/data.pkl", "}."})
	for _, name := range []string{"a/byteorder", "a/data.pkl"} {
		at := bytes.Index(b, []byte(name)) + len(name)
		_, err := New("x.pt", hole{b, int64(at)}, int64(len(b)))
		wantFormatError(t, err, "bad sector")
	}
}

// hole is a file in which one byte cannot be read.
type hole struct {
	b  []byte
	at int64
}

func (h hole) ReadAt(p []byte, off int64) (int, error) {
	if len(p) < 30 && off <= h.at && h.at < off+int64(len(p)) { // the zip reader's own reads are longer, or end before
		return 0, fmt.Errorf("bad sector")
	}
	return bytes.NewReader(h.b).ReadAt(p, off)
}

func TestDecodePanicsOnIntegers(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	dtypes["int32"].decode(make([]float32, 1), make([]byte, 4))
}

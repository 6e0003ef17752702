package torchfile

// The second pass: gopickle builds the objects, and this file decides what each class name means.

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// storage is what a persistent id stands for: ("storage", class, key, device, elements).
type storage struct {
	dtype DType  // the zero value for a class of raw bytes
	class string // for messages
	key   string // the record data/KEY
	count int64  // elements, or bytes for raw bytes
}

// tensorRef is a tensor as the pickle describes it; resolve checks it. Arguments that are not what they should be are
// an error only when the tensor is wanted: an optimizer's state may hold anything.
type tensorRef struct {
	args  []any // storage, offset, shape, strides, ...
	dtype DType // for raw bytes
}

// execute builds the object that a pickle describes. scan has passed it.
func execute(data []byte) (root any, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("it describes no valid object: %s", cut(fmt.Sprint(p), 200))
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(data))
	u.FindClass = findClass
	u.PersistentLoad = loadStorage
	root, err = u.Load()
	if err != nil {
		err = errors.New(cut(err.Error(), 200))
	}
	return root, err
}

// callable is a function that makes tensors, or hands them through.
type callable func(args []any) (any, error)

// Call is gopickle's name for a call.
func (c callable) Call(args ...any) (any, error) { return c(args) }

// storageClass is a class of storages. It is never called: storages come as persistent ids.
type storageClass struct {
	name  string
	dtype DType
}

// findClass gives the meaning of a name. (gopickle itself handles collections.OrderedDict, __builtin__.object and
// copy_reg._reconstructor before it asks.)
func findClass(module, name string) (any, error) {
	switch module {
	case "torch._utils":
		switch name {
		case "_rebuild_tensor", "_rebuild_tensor_v2":
			return callable(func(args []any) (any, error) { return &tensorRef{args: args}, nil }), nil
		case "_rebuild_tensor_v3":
			return callable(rebuildV3), nil
		case "_rebuild_parameter", "_rebuild_parameter_with_state":
			return callable(first), nil
		}
	case "torch._tensor":
		if name == "_rebuild_from_type_v2" {
			return callable(rebuildFromType), nil
		}
	case "torch", "torch.cuda":
		if d, ok := storages[name]; ok {
			return storageClass{name, d}, nil
		}
		if name == "Size" {
			return callable(first), nil
		}
		if d, ok := dtypes[name]; ok {
			return d, nil
		}
	case "torch.storage":
		switch name {
		case "UntypedStorage", "_UntypedStorage":
			return storageClass{name: name}, nil
		}
	}
	return &inert{module: module, name: name}, nil
}

// first is a wrapper around its first argument: a parameter around its tensor, torch.Size around a tuple.
func first(args []any) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("a call without the argument that it wraps")
	}
	return args[0], nil
}

// rebuildV3 takes storage, offset, shape, strides, requires_grad, hooks, dtype, ...; the storage is raw bytes.
func rebuildV3(args []any) (any, error) {
	ref := &tensorRef{args: args}
	if len(args) > 6 {
		ref.dtype, _ = args[6].(DType)
	}
	return ref, nil
}

// rebuildFromType takes a function, a subclass, the function's arguments and attributes: the tensor is what counts.
func rebuildFromType(args []any) (any, error) {
	if len(args) >= 3 {
		f, isCall := args[0].(callable)
		t, isTuple := args[2].(*types.Tuple)
		if isCall && isTuple {
			return f(*t)
		}
	}
	return &inert{module: "torch._tensor", name: "_rebuild_from_type_v2"}, nil
}

// loadStorage takes the tuple ("storage", class, key, device, elements).
func loadStorage(id any) (any, error) {
	t, ok := id.(*types.Tuple)
	if !ok || t.Len() < 5 || t.Get(0) != "storage" {
		return nil, fmt.Errorf("a persistent id is %s, not a storage", describe(id))
	}
	s := &storage{}
	switch class := t.Get(1).(type) {
	case storageClass:
		s.dtype, s.class = class.dtype, class.name
	case *inert:
		s.class = class.String()
	default:
		return nil, fmt.Errorf("a storage's class is %s", describe(class))
	}
	key, isString := t.Get(2).(string)
	count, isInt := t.Get(4).(int)
	if !isString || !isInt || count < 0 {
		return nil, fmt.Errorf("storage with key %s and %s elements", describe(t.Get(2)), describe(t.Get(4)))
	}
	s.key, s.count = key, int64(count)
	return s, nil
}

// inert stands for a class that is not known, and for every instance of it. It swallows calls, state, items and
// attributes: argparse.Namespace, NumPy scalars, devices, schedulers.
type inert struct{ module, name string }

func (i *inert) String() string { return cut(i.module+"."+i.name, 100) }

// The methods have the names that gopickle looks for.

func (i *inert) Call(...any) (any, error)    { return i, nil }
func (i *inert) PyNew(...any) (any, error)   { return i, nil }
func (i *inert) PySetState(any) error        { return nil }
func (i *inert) PySetAttr(string, any) error { return nil }
func (i *inert) PyDictSet(_, _ any) error    { return nil }
func (i *inert) Set(_, _ any)                {}
func (i *inert) Append(any)                  {}
func (i *inert) Add(any)                     {}

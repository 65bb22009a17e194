package main

import (
	"reflect"
	"unsafe"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/pb"
)

// providerNames are the names that the type provider of an environment knows. cel-go answers about a name and lists none, and
// the providers of Kyverno wrap one another, so their maps are read where they lie.
type providerNames struct {
	types, enums map[string]bool
	seen         map[unsafe.Pointer]bool
}

func newProviderNames(env *cel.Env) providerNames {
	names := providerNames{map[string]bool{}, map[string]bool{}, map[unsafe.Pointer]bool{}}
	names.walk(reflect.ValueOf(env.CELTypeProvider()))
	return names
}

var providerInterface = reflect.TypeFor[types.Provider]()

func (names providerNames) walk(value reflect.Value) {
	for value.Kind() == reflect.Interface || value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return
		}
		if value.Kind() == reflect.Pointer {
			if names.seen[value.UnsafePointer()] {
				return
			}
			names.seen[value.UnsafePointer()] = true
		}
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct || !value.CanAddr() {
		return
	}
	for i := range value.NumField() {
		field := value.Field(i)
		// A field that is not exported cannot be asked, its copy at the same place can.
		field = reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
		switch name := value.Type().Field(i).Name; {
		case name == "revTypeMap" || name == "nativeTypes" || name == "registeredTypes":
			for _, key := range field.MapKeys() {
				names.types[key.String()] = true
			}
		case field.Type() == reflect.TypeFor[*pb.Db]():
			names.files(field)
		case field.Type().Implements(providerInterface):
			names.walk(field)
		}
	}
}

func (names providerNames) files(db reflect.Value) {
	files := db.Elem().FieldByName("files")
	files = reflect.NewAt(files.Type(), unsafe.Pointer(files.UnsafeAddr())).Elem()
	for _, file := range files.Interface().([]*pb.FileDescription) {
		for _, name := range file.GetTypeNames() {
			names.types[name] = true
		}
		for _, name := range file.GetEnumNames() {
			names.enums[name] = true
		}
	}
}

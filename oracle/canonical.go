package main

import (
	"bytes"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// tagged is a JSON object of one member: its name says the CEL type of its value.
type tagged = map[string]any

type structValue struct {
	Type   string         `json:"type"`
	Fields map[string]any `json:"fields"`
}

// canonical writes a CEL value as JSON so that no two different values look alike: numbers and times are
// text, maps are lists of pairs sorted by the JSON text of the key.
func canonical(adapter types.Adapter, value ref.Val) (any, error) {
	switch v := value.(type) {
	case types.Null:
		return tagged{"null": true}, nil
	case types.Bool:
		return tagged{"bool": bool(v)}, nil
	case types.Int:
		return tagged{"int": strconv.FormatInt(int64(v), 10)}, nil
	case types.Uint:
		return tagged{"uint": strconv.FormatUint(uint64(v), 10)}, nil
	case types.Double:
		return tagged{"double": strconv.FormatFloat(float64(v), 'g', -1, 64)}, nil
	case types.String:
		if !utf8.ValidString(string(v)) {
			return nil, fmt.Errorf("string %q is not UTF-8: JSON cannot record it", string(v))
		}
		return tagged{"string": string(v)}, nil
	case types.Bytes:
		return tagged{"bytes": append([]byte{}, v...)}, nil
	case types.Duration:
		return tagged{"duration": strconv.FormatInt(v.Nanoseconds(), 10)}, nil
	case types.Timestamp:
		return tagged{"timestamp": v.Format(time.RFC3339Nano)}, nil
	case ref.Type:
		return tagged{"type": v.TypeName()}, nil
	case *types.Optional:
		if !v.HasValue() {
			return tagged{"optional": nil}, nil
		}
		inner, err := canonical(adapter, v.GetValue())
		return tagged{"optional": inner}, err
	case traits.Mapper:
		return canonicalMap(adapter, v)
	case traits.Lister:
		list := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			item, err := canonical(adapter, it.Next())
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return tagged{"list": list}, nil
	case *types.Err:
		return nil, fmt.Errorf("an error inside a value: %v", v)
	}
	return canonicalStruct(adapter, value)
}

func canonicalMap(adapter types.Adapter, m traits.Mapper) (any, error) {
	type pair struct {
		text string
		item [2]any
	}
	var pairs []pair
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		k, err := canonical(adapter, key)
		if err != nil {
			return nil, err
		}
		v, err := canonical(adapter, m.Get(key))
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if err := encode(&text, k); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{text.String(), [2]any{k, v}})
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i].text < pairs[j].text })
	items := make([][2]any, len(pairs))
	for i, p := range pairs {
		items[i] = p.item
	}
	return tagged{"map": items}, nil
}

// canonicalStruct writes Kyverno's native structs with the fields for which has() is true (cel-go: every
// non-zero field), and everything else as its type name.
func canonicalStruct(adapter types.Adapter, value ref.Val) (any, error) {
	native := reflect.ValueOf(value.Value())
	for native.Kind() == reflect.Pointer {
		native = native.Elem()
	}
	name := value.Type().TypeName()
	if message, ok := value.Value().(proto.Message); ok && isEnvoy(name) {
		return canonicalMessage(adapter, value.(traits.Indexer), message)
	}
	if native.Kind() != reflect.Struct || !isData(native.Type().PkgPath()) {
		return tagged{"opaque": name}, nil
	}
	result := structValue{name, map[string]any{}}
	for i := range native.NumField() {
		field := native.Type().Field(i)
		if !field.IsExported() || native.Field(i).IsZero() {
			continue
		}
		fieldName := field.Name
		if tag := field.Tag.Get("cel"); tag != "" {
			fieldName = tag
		}
		v, err := canonical(adapter, adapter.NativeToValue(native.Field(i).Interface()))
		if err != nil {
			return nil, err
		}
		result.Fields[fieldName] = v
	}
	return tagged{"struct": result}, nil
}

// canonicalMessage writes a message of Envoy's with the fields that are populated.
func canonicalMessage(adapter types.Adapter, value traits.Indexer, message proto.Message) (any, error) {
	result := structValue{string(message.ProtoReflect().Descriptor().FullName()), map[string]any{}}
	var failed error
	message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		name := string(field.Name())
		result.Fields[name], failed = canonical(adapter, value.Get(types.String(name)))
		return failed == nil
	})
	return tagged{"struct": result}, failed
}

func isEnvoy(name string) bool {
	return strings.HasPrefix(name, "envoy.") || strings.HasPrefix(name, "google.rpc.")
}

// isData tells structs that carry data from the opaque helpers (http, json, mcp, resource). Types without
// a name have no package: they are the anonymous structs of the MCP client capabilities.
func isData(pkg string) bool {
	return pkg == "" || strings.HasSuffix(pkg, "/libs/authz/http") || strings.HasSuffix(pkg, "/libs/mcp") ||
		strings.HasSuffix(pkg, "/libs/jwt") || strings.HasSuffix(pkg, "mcp-go/mcp") ||
		strings.HasSuffix(pkg, "/pkg/cel/libs") || strings.HasSuffix(pkg, "/libs/user")
}

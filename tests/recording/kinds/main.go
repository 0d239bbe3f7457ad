// Writes the table by which jitui reads objects in Kubernetes' protobuf form: for each kind of a stable version the number, the name in JSON and the
// type of each field, taken from the tags of the Go types themselves.
//
//	cd tests/recording/kinds && go run . >../../../jitui/recording/objects/kinds.json   (Go 1.24 or newer)
//
// A type is one letter (s string, b bool, i number, f float, y bytes, t time, u time with microseconds, q quantity, o number or string, r JSON in bytes) or the
// index of a message; before it stands [ for a list, { for a map, x for a list in a message of its own, ? where Go's JSON leaves out a zero. A field without a name is inline: its fields stand in its owner's place.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

type table struct {
	Kinds    map[string]int         `json:"kinds"`
	Messages []map[string][2]string `json:"messages"`
	seen     map[reflect.Type]int
}

var plain = map[string]string{
	"v1.Time": "t", "v1.MicroTime": "u", "resource.Quantity": "q", "intstr.IntOrString": "o", "runtime.RawExtension": "r", "v1.FieldsV1": "r",
}

func (made *table) code(kind reflect.Type) string {
	if letter, known := plain[kind.String()]; known {
		return letter
	}
	switch kind.Kind() {
	case reflect.Pointer:
		return made.code(kind.Elem())
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return "i"
	case reflect.Float32, reflect.Float64:
		return "f"
	case reflect.Map:
		return "{" + made.code(kind.Elem())
	case reflect.Slice:
		if kind.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		if _, own := reflect.PointerTo(kind).MethodByName("Marshal"); own { // ExtraValue, Verbs: a message around the list
			return "x" + made.code(kind.Elem())
		}
		return "[" + made.code(kind.Elem())
	case reflect.Struct:
		return strconv.Itoa(made.message(kind))
	}
	panic(kind.String())
}

func (made *table) message(kind reflect.Type) int {
	if at, known := made.seen[kind]; known {
		return at
	}
	at := len(made.Messages)
	made.seen[kind] = at
	made.Messages = append(made.Messages, nil)
	fields := map[string][2]string{}
	for i := range kind.NumField() {
		field := kind.Field(i)
		parts := strings.Split(field.Tag.Get("protobuf"), ",")
		if len(parts) < 2 {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		code := made.code(field.Type)
		if strings.Contains(options, "omitempty") && field.Type.Kind() != reflect.Pointer {
			code = "?" + code
		}
		fields[parts[1]] = [2]string{name, code}
	}
	made.Messages[at] = fields
	return at
}

func main() {
	made := &table{Kinds: map[string]int{}, seen: map[reflect.Type]int{}}
	var kinds []schema.GroupVersionKind
	known := scheme.Scheme.AllKnownTypes()
	for kind := range known {
		stable := kind.Version == "v1" || kind.Version == "v2"
		options := strings.HasSuffix(kind.Kind, "Options") && kind.Kind != "DeleteOptions"
		if stable && !options && kind.Kind != "WatchEvent" && !strings.HasPrefix(kind.Kind, "APIGroup") && !strings.HasPrefix(kind.Kind, "APIResource") {
			kinds = append(kinds, kind)
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].String() < kinds[j].String() })
	for _, kind := range kinds {
		if kind.Kind == "DeleteOptions" && kind.Group != "" {
			continue
		}
		made.Kinds[kind.GroupVersion().String()+" "+kind.Kind] = made.message(known[kind])
	}
	made.Kinds["meta.k8s.io/v1 PartialObjectMetadata"] = made.message(reflect.TypeOf(metav1.PartialObjectMetadata{}))
	made.Kinds["meta.k8s.io/v1 PartialObjectMetadataList"] = made.message(reflect.TypeOf(metav1.PartialObjectMetadataList{}))
	if err := json.NewEncoder(os.Stdout).Encode(made); err != nil {
		panic(err)
	}
}

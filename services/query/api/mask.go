package api

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/waystage/waystage/services/internal/fault"
)

// mask is the set of fields that an update sets, by their paths.
type mask []string

// readMask reads an update mask, whose paths must be among those that can be set. An empty one
// stands for all of them that the message states; of a message whose fields can be set one by one,
// for those of its fields that it states.
func readMask(
	v *fault.Violations, m *fieldmaskpb.FieldMask, said proto.Message, settable ...string,
) mask {
	paths := m.GetPaths()
	if len(paths) == 0 {
		return stated(said, settable)
	}
	for _, path := range paths {
		if !slices.Contains(settable, path) {
			v.Add("update_mask", strconv.Quote(path)+" cannot be set; there are "+
				strings.Join(settable, ", "))
		}
	}
	return paths
}

// stated are the paths among some that a message states, without those that others of them lead
// through.
func stated(said proto.Message, among []string) mask {
	var paths mask
	for _, path := range among {
		whole := !slices.ContainsFunc(among, func(other string) bool {
			return strings.HasPrefix(other, path+".")
		})
		if whole && states(said.ProtoReflect(), path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// states tells whether a message has a field, which may stand in a message of its own.
func states(m protoreflect.Message, path string) bool {
	name, below, deeper := strings.Cut(path, ".")
	field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if field == nil || !m.Has(field) {
		return false
	}
	return !deeper || states(m.Get(field).Message(), below)
}

// has tells whether a field is set, itself or with the message that it is in.
func (m mask) has(path string) bool {
	outer, _, _ := strings.Cut(path, ".")
	return slices.Contains(m, path) || slices.Contains(m, outer)
}

package api

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/waystage/waystage/services/internal/fault"
)

// mask is the set of fields that an update sets, by their paths.
type mask []string

// readMask reads an update mask, whose paths must be among those that can be set. An empty one
// stands for all of them that the message states.
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

// stated are the top-level fields among some that a message states.
func stated(said proto.Message, among []string) mask {
	var paths mask
	m := said.ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		if name := string(field.Name()); m.Has(field) && slices.Contains(among, name) {
			paths = append(paths, name)
		}
	}
	return paths
}

// has tells whether a field is set, itself or with the message that it is in.
func (m mask) has(path string) bool {
	outer, _, _ := strings.Cut(path, ".")
	return slices.Contains(m, path) || slices.Contains(m, outer)
}

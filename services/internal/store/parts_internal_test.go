package store

import (
	"testing"

	"github.com/waystage/waystage/services/internal/fault"
)

// TestReadName: the name of a part tells its partition, inserts and mutation; another name is an
// error that says so.
func TestReadName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Part{
		"202603_1_1_0":     {Partition: "202603", First: 1, Last: 1},
		"202604_2_19_3":    {Partition: "202604", First: 2, Last: 19},
		"all_2_19_3_140":   {Partition: "all", First: 2, Last: 19, Mutation: 140},
		"20260301-1_4_4_0": {Partition: "20260301-1", First: 4, Last: 4},
	} {
		got := Part{Name: name}
		want.Name = name
		if err := got.readName(); err != nil || got != want {
			t.Errorf("%s tells %+v, %v; want %+v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "all", "all_1_2", "all_1_x_0", "all_1_2_0_3_4", "a_b_1_1_0"} {
		p := Part{Table: "labels", Name: name}
		if err := p.readName(); fault.Of(err) != fault.Internal {
			t.Errorf("%q: %v", name, err)
		}
	}
}

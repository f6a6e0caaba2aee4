package answer

import (
	"reflect"
	"testing"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// TestKeys: every field of a question makes another key, whatever is added to questions some day,
// and so do the site and what is asked; AsOf alone does not.
func TestKeys(t *testing.T) {
	t.Parallel()
	keys := map[key]string{}
	add := func(name string, site journey.SiteID, q funnel.Question, more ...any) {
		t.Helper()
		k, err := keyOf(site, q, more...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if other, there := keys[k]; there {
			t.Errorf("%s has the key of %s", name, other)
		}
		keys[k] = name
	}
	add("nothing", "shop", funnel.Question{})
	add("another site", "other", funnel.Question{})
	add("asked for more", "shop", funnel.Question{}, "persons")
	add("asked for other things", "shop", funnel.Question{}, "per", "sons")
	fields := reflect.TypeFor[funnel.Question]()
	for i := range fields.NumField() {
		if fields.Field(i).Name == "AsOf" {
			continue
		}
		var q funnel.Question
		differ(reflect.ValueOf(&q).Elem().Field(i))
		add(fields.Field(i).Name, "shop", q)
	}
	add("a filter within another", "shop", funnel.Question{Filter: funnel.AllOf{funnel.Not{}}})
	add("as many of another kind", "shop", funnel.Question{Filter: funnel.AnyOf{funnel.Not{}}})
	for _, text := range []string{"1", "a"} {
		add("a value "+text, "shop", funnel.Question{Filter: funnel.Condition{
			Values: []journey.Value{journey.TextValue(text)},
		}})
	}
	plain, _ := keyOf("shop", funnel.Question{})
	moved, _ := keyOf("shop", funnel.Question{AsOf: time.Unix(1, 0)})
	if plain != moved {
		t.Error("AsOf makes another key")
	}
	if _, err := keyOf("shop", funnel.Question{}, func() {}); err == nil {
		t.Error("a function has a key")
	}
}

// differ puts something else than nothing into a field.
func differ(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(1)
	case reflect.String:
		v.SetString("x")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Interface:
		v.Set(reflect.ValueOf(funnel.Not{}))
	case reflect.Struct:
		if v.Type() == instants {
			v.Set(reflect.ValueOf(time.Unix(5, 0)))
			return
		}
		differ(v.Field(0))
	}
}

package answer

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
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
	for name, v := range map[string]journey.Value{
		"1": journey.TextValue("1"), "a": journey.TextValue("a"), "number 1": journey.NumberValue(1),
		"number 2": journey.NumberValue(2), "true": journey.BoolValue(true),
	} {
		add("a value "+name, "shop", funnel.Question{Filter: funnel.Condition{
			Values: []journey.Value{v},
		}})
	}
	a, b := funnel.Condition{Name: "a"}, funnel.Condition{Name: "b"}
	add("one beside a list", "shop", funnel.Question{
		Filter: funnel.AnyOf{funnel.AllOf{a}, b},
	})
	add("one in the list", "shop", funnel.Question{
		Filter: funnel.AnyOf{funnel.AllOf{a, b}},
	})
	var nothing *int
	add("a pointer to nothing", "shop", funnel.Question{}, [2]**int{nil, &nothing})
	add("another one to nothing", "shop", funnel.Question{}, [2]**int{&nothing, nil})
	add("a number", "shop", funnel.Question{}, 1)
	add("as large a number", "shop", funnel.Question{}, time.Duration(1))
	plain, _ := keyOf("shop", funnel.Question{})
	moved, _ := keyOf("shop", funnel.Question{AsOf: time.Unix(1, 0)})
	if plain != moved {
		t.Error("AsOf makes another key")
	}
	if _, err := keyOf("shop", funnel.Question{}, func() {}); err == nil {
		t.Error("a function has a key")
	}
}

// TestKeysOfAllFields: every field makes another key, however deep it lies in a question or in the
// page that is asked for, and however little it differs.
func TestKeysOfAllFields(t *testing.T) {
	t.Parallel()
	type asked struct {
		Question funnel.Question
		Page     api.Page
	}
	filled := func() (*asked, []leaf) {
		a := new(asked)
		furnish(reflect.ValueOf(a).Elem())
		return a, leavesOf("", reflect.ValueOf(a).Elem())
	}
	_, leaves := filled()
	keys := make(map[key]string)
	for i := range leaves {
		a, own := filled()
		own[i].change()
		k, err := keyOf("shop", a.Question, "persons", a.Page)
		if err != nil {
			t.Fatalf("%s: %v", own[i].path, err)
		}
		if other, there := keys[k]; there && own[i].path != ".Question.AsOf" {
			t.Errorf("%s has the key of %s", own[i].path, other)
		}
		keys[k] = own[i].path
	}
	plain, _ := filled()
	if k, _ := keyOf("shop", plain.Question, "persons", plain.Page); keys[k] != ".Question.AsOf" {
		t.Errorf("a change of %q makes no other key", keys[k])
	}
	if len(leaves) < 60 {
		t.Errorf("%d fields are looked at", len(leaves))
	}
}

// leaf is a field that holds no others.
type leaf struct {
	path   string
	change func()
}

// furnish gives lists one member and pointers something to point at.
func furnish(v reflect.Value) {
	switch {
	case v.Type() == instants, v.Type() == values:
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		furnish(v.Index(0))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		furnish(v.Elem())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			furnish(v.Field(i))
		}
	}
}

var values = reflect.TypeFor[journey.Value]()

// leavesOf are the leaves of a value that is filled.
func leavesOf(path string, v reflect.Value) (leaves []leaf) {
	change := func(other any) []leaf {
		return []leaf{{path, func() { v.Set(reflect.ValueOf(other)) }}}
	}
	switch {
	case v.Type() == instants:
		return change(time.Time{}.Add(time.Millisecond))
	case v.Type() == values:
		return change(journey.NumberValue(7))
	case v.Kind() == reflect.Slice:
		less := leaf{path + " empty", func() { v.Set(reflect.Zero(v.Type())) }}
		return append(leavesOf(path+"[0]", v.Index(0)), less)
	case v.Kind() == reflect.Pointer:
		none := leaf{path + " nil", func() { v.Set(reflect.Zero(v.Type())) }}
		return append(leavesOf(path, v.Elem()), none)
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			leaves = append(leaves, leavesOf(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
		return leaves
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			leaves = append(leaves, leavesOf(path+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
		return leaves
	}
	return []leaf{{path, func() { differ(v) }}}
}

// differ puts something else than nothing into a field.
func differ(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
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

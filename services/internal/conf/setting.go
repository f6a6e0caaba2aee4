package conf

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// setting is one field of a configuration.
type setting struct {
	field    reflect.StructField
	value    reflect.Value
	name     string
	doc      string
	unit     string
	fallback string
	required bool
	secret   bool
}

// settingsOf lists the settings of the struct that cfg points to, in the order of its fields. Its
// errors are mistakes of the programmer.
func settingsOf(cfg any) ([]setting, error) {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("a configuration is a pointer to a struct, not %T", cfg)
	}
	settings := collect(v.Elem(), nil)
	var mistakes []error
	seen := map[string]bool{}
	for _, s := range settings {
		if err := s.check(seen[s.name]); err != nil {
			mistakes = append(mistakes, fmt.Errorf("field %s of %T: %w", s.field.Name, cfg, err))
		}
		seen[s.name] = true
	}
	return settings, errors.Join(mistakes...)
}

func collect(v reflect.Value, settings []setting) []setting {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch name, options, _ := strings.Cut(f.Tag.Get("env"), ","); {
		case !f.IsExported() || name == "-":
		case name != "":
			settings = append(settings, newSetting(f, v.Field(i), name, options))
		case walked(f):
			settings = collect(v.Field(i), settings)
		}
	}
	return settings
}

// walked tells whether a field is a group of settings rather than one.
func walked(f reflect.StructField) bool {
	return f.Tag.Get("env") == "" && f.Type.Kind() == reflect.Struct
}

func newSetting(f reflect.StructField, v reflect.Value, name, options string) setting {
	// reflect.StructOf makes no embedded fields.
	f.Anonymous = false
	return setting{
		field:    f,
		value:    v,
		name:     name,
		doc:      f.Tag.Get("doc"),
		unit:     f.Tag.Get("unit"),
		fallback: f.Tag.Get("envDefault"),
		required: slices.ContainsFunc(strings.Split(options, ","), func(o string) bool {
			return o == "required" || o == "notEmpty"
		}),
		secret: f.Tag.Get("secret") == "true",
	}
}

func (s setting) check(twice bool) error {
	switch {
	case twice:
		return fmt.Errorf("%s stands in two fields", s.name)
	case !strings.HasPrefix(s.name, prefix):
		return fmt.Errorf("its variable %s does not begin with %s", s.name, prefix)
	case s.doc == "":
		return fmt.Errorf("%s has no doc tag", s.name)
	case s.unit == "" && s.numeric():
		return fmt.Errorf("%s is a number without a unit tag", s.name)
	case s.secret && s.fallback != "":
		return fmt.Errorf("%s is a secret with a default", s.name)
	}
	return nil
}

func (s setting) numeric() bool {
	return s.field.Type != reflect.TypeFor[time.Duration]() &&
		s.field.Type.Kind() >= reflect.Int && s.field.Type.Kind() <= reflect.Float64
}

// kind names what a value must be, for people.
func (s setting) kind() string {
	switch t := s.field.Type; {
	case t == reflect.TypeFor[time.Duration]():
		return `length of time such as "1m30s"`
	case t.Kind() == reflect.Bool:
		return "true or false"
	case s.numeric() && t.Kind() >= reflect.Float32:
		return "number (" + s.unit + ")"
	case s.numeric():
		return fmt.Sprintf("whole number of %s (%s)", s.unit, t.Kind())
	default:
		return fmt.Sprintf("value of type %s", t)
	}
}

// Names gives the variables of a configuration, a pointer to a struct, in the order of its
// fields, a secret's NAME_FILE after NAME.
func Names(cfg any) ([]string, error) {
	settings, err := settingsOf(cfg)
	return namesOf(settings), err
}

func namesOf(settings []setting) []string {
	var list []string
	for _, s := range settings {
		list = append(list, s.name)
		if s.secret {
			list = append(list, s.name+fileSuffix)
		}
	}
	return list
}

func sortedKeys(vars map[string]string) []string {
	return slices.Sorted(maps.Keys(vars))
}

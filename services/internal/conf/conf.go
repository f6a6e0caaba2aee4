// Package conf reads a program's configuration from the environment into a struct, and tells
// what it read and what can be set.
//
// Each setting is a field with tags: env (the whole name, WAYSTAGE_…, with the options required
// or notEmpty of caarlos0/env), envDefault, doc (the meaning), unit (needed on numbers) and
// secret:"true". Structs without an env tag are walked through. A struct with the method
// Validate() error is asked after reading; it may join several errors.
//
//	type Config struct {
//		Brokers  []string `env:"WAYSTAGE_KAFKA_BROKERS,required" doc:"Addresses of Kafka brokers."`
//		MaxBytes int      `env:"WAYSTAGE_BODY_MAX_BYTES" envDefault:"524288" unit:"bytes" doc:"…"`
//	}
package conf

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// prefix begins the name of every variable of ours.
const prefix = "WAYSTAGE_"

// fileSuffix ends the name of the variable that holds the path of a file with a secret.
const fileSuffix = "_FILE"

// names are all variables that a program or test of this repository reads, one a line, sorted.
// The file is generated from the source and checked by this package's tests.
//
//go:generate go test -run TestNamesAreThoseOfTheSource -update
//go:embed names.txt
var names string

// Load fills the struct that cfg points to from the environment, given as NAME=value. An empty
// value is as good as none. A secret NAME may be stated as NAME_FILE, the path of a file that
// holds it; line ends at its end are cut off.
//
// The error names every mistake, one a line, and no secret: values that cannot be read, required
// ones that are missing, those that Validate refuses, and variables that begin with WAYSTAGE_ but
// are neither in cfg, nor known to another program or test of this repository, nor in known.
func Load(cfg any, environ []string, known ...string) error {
	settings, err := settingsOf(cfg)
	if err != nil {
		return err
	}
	vars := varsOf(environ)
	mistakes := unknown(vars, settings, known)
	for _, s := range settings {
		mistakes = append(mistakes, s.load(vars)...)
	}
	if len(mistakes) == 0 {
		mistakes = validate(reflect.ValueOf(cfg))
	}
	if len(mistakes) == 0 {
		return nil
	}
	return fmt.Errorf("reading the configuration:\n%w", errors.Join(mistakes...))
}

// varsOf leaves out the empty ones.
func varsOf(environ []string) map[string]string {
	vars := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); value != "" {
			vars[name] = value
		}
	}
	return vars
}

// unknown gives one error for each variable of ours that nobody reads, by name.
func unknown(vars map[string]string, settings []setting, more []string) []error {
	known := map[string]bool{}
	for _, list := range [][]string{namesOf(settings), strings.Fields(names), more} {
		for _, name := range list {
			known[name] = true
		}
	}
	var mistakes []error
	for _, name := range sortedKeys(vars) {
		if strings.HasPrefix(name, prefix) && !known[name] {
			mistakes = append(mistakes, fmt.Errorf("%s: no program knows it; check its spelling", name))
		}
	}
	return mistakes
}

// load sets the field from the variables, or from its default.
func (s setting) load(vars map[string]string) []error {
	own := map[string]string{}
	if value, ok := vars[s.name]; ok {
		own[s.name] = value
	}
	if path, ok := vars[s.name+fileSuffix]; ok && s.secret {
		value, err := s.read(path, own)
		if err != nil {
			return []error{err}
		}
		own[s.name] = value
	}
	// The library names fields, not variables, in its errors and shows values; a struct of one
	// field tells which variable it was.
	one := reflect.New(reflect.StructOf([]reflect.StructField{s.field}))
	if err := env.ParseWithOptions(one.Interface(), env.Options{Environment: own}); err != nil {
		return []error{s.explain(err, own[s.name])}
	}
	s.value.Set(one.Elem().Field(0))
	return nil
}

// read gives the secret in a file.
func (s setting) read(path string, own map[string]string) (string, error) {
	if len(own) > 0 {
		return "", fmt.Errorf("%s and %s%s are both set; unset one", s.name, s.name, fileSuffix)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s%s: %w", s.name, fileSuffix, err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// explain says what is wrong with a value in terms of its variable, without a secret.
func (s setting) explain(err error, value string) error {
	switch {
	case errors.Is(err, env.NoParserError{}):
		return fmt.Errorf("%s: no setting can be of type %s", s.name, s.field.Type)
	case errors.Is(err, env.VarIsNotSetError{}), errors.Is(err, env.EmptyVarError{}):
		return fmt.Errorf("%s: not set, but required: %s", s.name, s.doc)
	case s.secret:
		return fmt.Errorf("%s: the value (hidden) is no %s", s.name, s.kind())
	case value == "":
		return fmt.Errorf("%s: the default %q is no %s", s.name, s.fallback, s.kind())
	default:
		return fmt.Errorf("%s: %q is no %s", s.name, value, s.kind())
	}
}

// validate asks every struct, inner ones first, that has an opinion.
func validate(v reflect.Value) []error {
	v = reflect.Indirect(v)
	var mistakes []error
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && walked(f) {
			mistakes = append(mistakes, validate(v.Field(i))...)
		}
	}
	if judge, ok := v.Addr().Interface().(interface{ Validate() error }); ok {
		if err := judge.Validate(); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return mistakes
}

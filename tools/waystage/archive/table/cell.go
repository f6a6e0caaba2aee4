package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Types of values.
const (
	typeText    = "text"
	typeNumber  = "number"
	typeBoolean = "boolean"
	typeJSON    = "json"
	typeAuto    = "auto"
)

var types = []string{typeText, typeNumber, typeBoolean, typeJSON, typeAuto}

// Decimal signs.
const (
	decimalPoint = "point"
	decimalComma = "comma"
)

// valueOf makes a cell that is not empty a JSON value. decimal is "" where none was stated.
func valueOf(cell, kind, decimal string) (any, error) {
	trimmed := strings.TrimSpace(cell)
	switch kind {
	case typeNumber:
		return numberOf(trimmed, decimal)
	case typeBoolean:
		return booleanOf(trimmed)
	case typeJSON:
		if !json.Valid([]byte(trimmed)) {
			return nil, errors.New("it is not JSON: mend it, or take the column as type: text")
		}
		return json.RawMessage(trimmed), nil
	case typeAuto:
		return guessed(cell, trimmed, decimal), nil
	default:
		return cell, nil
	}
}

// guessed is a number or a boolean where a cell can be nothing else: what begins with a needless
// zero or is very long is a code, and stays text.
func guessed(cell, trimmed, decimal string) any {
	switch trimmed {
	case "true", "TRUE", "True":
		return true
	case "false", "FALSE", "False":
		return false
	}
	plain := trimmed
	if decimal == decimalComma {
		if strings.Contains(plain, ".") {
			return cell
		}
		plain = strings.Replace(plain, ",", ".", 1)
	}
	if plainNumber.MatchString(plain) && len(plain) <= maxGuessed {
		return json.RawMessage(plain)
	}
	return cell
}

// maxGuessed is how many characters a number has whose digits 64-bit floating point keeps.
const maxGuessed = 15

var (
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	// Groups of three are told apart by a blank, also one that does not break, or an apostrophe;
	// by the sign that is not the decimal one where it is stated which is which.
	pointNumber = regexp.MustCompile(
		`^([+-]?)([0-9]{1,3}(?:[,   '’][0-9]{3})+|[0-9]+)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	commaNumber = regexp.MustCompile(
		`^([+-]?)([0-9]{1,3}(?:[.   '’][0-9]{3})+|[0-9]+)(,[0-9]+)?([eE][+-]?[0-9]+)?$`)
	grouping = strings.NewReplacer(
		",", "", ".", "", " ", "", "\u00a0", "", "\u202f", "", "'", "", "’", "")
)

// numberOf reads a number as people and spreadsheets write it.
func numberOf(text, decimal string) (any, error) {
	form := pointNumber
	if decimal == decimalComma {
		form = commaNumber
	}
	parts := form.FindStringSubmatch(text)
	switch {
	case parts == nil:
		return nil, fmt.Errorf("%q is no number with a decimal %s: mend it, say decimal: %s, or "+
			"take the column as type: text", clipped(text), stated(decimal), other(decimal))
	case decimal == "" && strings.Contains(parts[2], ","):
		return nil, fmt.Errorf("%q can be read in two ways: say decimal: point or decimal: comma",
			clipped(text))
	}
	whole := strings.TrimLeft(grouping.Replace(parts[2]), "0")
	if whole == "" {
		whole = "0"
	}
	sign := strings.TrimPrefix(parts[1], "+")
	return json.RawMessage(sign + whole + strings.Replace(parts[3], ",", ".", 1) + parts[4]), nil
}

func stated(decimal string) string {
	if decimal == "" {
		return decimalPoint
	}
	return decimal
}

func other(decimal string) string {
	if decimal == decimalComma {
		return decimalPoint
	}
	return decimalComma
}

func booleanOf(text string) (any, error) {
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "1":
		return true, nil
	case "false", "f", "no", "n", "0":
		return false, nil
	}
	return nil, fmt.Errorf("%q is neither true, yes, t, y, 1 nor false, no, f, n, 0: mend it, or "+
		"take the column as type: text", clipped(text))
}

const maxShown = 60

// clipped is a cell as messages show it.
func clipped(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return text
}

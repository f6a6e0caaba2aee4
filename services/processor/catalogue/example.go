package catalogue

import (
	"strings"
	"time"
	"unicode/utf8"
)

// maxExampleChars is the length of an example, in characters.
const maxExampleChars = 64

// private are parts of names of properties whose values are nobody else's business, in lower case
// and without what stands between words.
var private = []string{
	"mail", "phone", "mobile", "fax", "password", "passwd", "passphrase", "secret", "token", "auth",
	"cookie", "session", "card", "cvv", "cvc", "iban", "account", "ssn", "passport", "taxid",
	"address", "street", "birth", "firstname", "lastname", "fullname", "middlename", "surname",
	"username", "nickname", "login", "latitude", "longitude", "ipaddr",
}

// example is a value as it may be shown: the JSON text, cut. False for what is nested, and for what
// looks like an e-mail address, a telephone or a card number, or is another long number.
func example(literal string) (text string, ok bool) {
	if literal[0] == '[' || literal[0] == '{' || looksPrivate(literal) {
		return "", false
	}
	return cut(literal), true
}

// between takes out what stands between the words of a name.
var between = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

// isPrivate tells properties whose values may be private by their name.
func isPrivate(property string) bool {
	plain := between.Replace(strings.ToLower(property))
	if plain == "name" || plain == "ip" {
		return true
	}
	for _, part := range private {
		if strings.Contains(plain, part) {
			return true
		}
	}
	return false
}

// maxDigits is how many digits a number may have that is shown. A telephone number has 7 or more.
const maxDigits = 6

// looksPrivate tells texts with an "@", and those with more digits in a row than maxDigits, where
// what people put between the digits of telephone and card numbers does not count. Instants and
// plain amounts such as 1234567.50 are no such row.
func looksPrivate(literal string) bool {
	if literal[0] != '"' {
		whole, _, _ := strings.Cut(strings.TrimPrefix(literal, "-"), ".")
		return len(whole) > maxDigits+1
	}
	text := literal[1 : len(literal)-1]
	if strings.Contains(text, "@") || strings.Contains(text, `\u0040`) {
		return true
	}
	return digitRow(text) > maxDigits && !isTime(text)
}

func isTime(text string) bool {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}

// digitRow is the most digits in a row, but for what people put between them.
func digitRow(text string) (most int) {
	row := 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			row++
			most = max(most, row)
		case !strings.ContainsRune(" -.()/+\u00a0", c):
			row = 0
		}
	}
	return most
}

// cut shortens a text to maxExampleChars, the last of which then says so.
func cut(text string) string {
	if len(text) <= maxExampleChars || utf8.RuneCountInString(text) <= maxExampleChars {
		return text
	}
	chars := 0
	for i := range text {
		if chars == maxExampleChars-1 {
			return text[:i] + "…"
		}
		chars++
	}
	return text
}

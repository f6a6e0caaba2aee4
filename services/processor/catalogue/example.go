package catalogue

import (
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/waystage/waystage/services/journey"
)

// maxExampleChars is the length of an example, in characters.
const maxExampleChars = 64

// private are parts of names of properties whose values are nobody else's business, in lower case
// and without what stands between words.
var private = []string{
	"mail", "phone", "mobile", "fax", "password", "passwd", "passphrase", "secret", "token", "auth",
	"cookie", "session", "card", "cvv", "cvc", "iban", "account", "ssn", "passport", "taxid",
	"address", "street", "postcode", "postalcode", "zipcode", "birth", "surname", "nickname",
	"login", "latitude", "longitude", "ipaddr",
}

// privateWords are whole words that say the same.
var privateWords = []string{
	"ip", "ips", "ipv4", "ipv6", "dob", "bday", "zip", "plz", "fname", "lname", "addr", "line1",
	"line2", "lat", "lng", "lon",
}

// persons are whose names and addresses are private, such as that in customer_name; also parts of
// a person's name, such as first_name.
var persons = []string{
	"first", "last", "full", "middle", "given", "family", "maiden", "legal", "real", "user",
	"customer", "client", "buyer", "contact", "recipient", "receiver", "sender", "consignee",
	"billing", "shipping", "delivery", "invoice", "person", "member", "guest", "owner", "holder",
	"subscriber", "passenger", "traveller", "traveler", "patient", "driver", "student", "employee",
	"parent", "child", "spouse", "partner", "payer", "payee", "beneficiary", "visitor", "display",
}

// hosts are whose IP addresses a name in one word may mean, such as clientip. That they end alike
// is no reason: a membership does too.
var hosts = []string{
	"client", "remote", "user", "visitor", "customer", "source", "src", "host", "server", "origin",
	"request", "real", "peer", "public", "local", "last", "device", "forwarded", "sender",
}

// example is a value as it may be shown: the JSON text, cut. False for what is nested, and for what
// looks like an e-mail or IP address, a telephone or a card number, or is another long number.
func example(literal string) (text string, ok bool) {
	if literal[0] == '[' || literal[0] == '{' || looksPrivate(literal) {
		return "", false
	}
	return cut(literal), true
}

// isPrivate tells properties whose values may be private by their name.
func isPrivate(property string) bool {
	words := wordsOf(property)
	plain := strings.Join(words, "")
	contains := func(part string) bool { return strings.Contains(plain, part) }
	return slices.ContainsFunc(private, contains) ||
		slices.ContainsFunc(words, func(w string) bool { return slices.Contains(privateWords, w) }) ||
		namesPerson(plain) || namesHost(plain)
}

// namesPerson tells names of properties, without what stands between their words, that are of a
// person's name; "name" alone may be one.
func namesPerson(plain string) bool {
	if !strings.Contains(plain, "name") {
		return false
	}
	return plain == "name" || slices.ContainsFunc(persons, func(whose string) bool {
		return strings.Contains(plain, whose+"name") || strings.Contains(plain, "name"+whose) ||
			strings.Contains(plain, "nameof"+whose)
	})
}

func namesHost(plain string) bool {
	before, ends := strings.CutSuffix(plain, "ip")
	return ends && slices.ContainsFunc(hosts, func(host string) bool {
		return strings.HasSuffix(before, host)
	})
}

// wordsOf are the words of a name in lower case, as snake_case, camelCase and the like tell them
// apart.
func wordsOf(name string) []string {
	var b strings.Builder
	before := ' '
	for _, c := range name {
		if unicode.IsUpper(c) && !unicode.IsUpper(before) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(c))
		before = c
	}
	return strings.FieldsFunc(b.String(), func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c)
	})
}

// maxDigits is how many digits a number may have that is shown. A telephone number has 7 or more.
const maxDigits = 6

// looksPrivate tells texts with an "@", those that hold an IP address, and those with more digits
// in a row than maxDigits, where what people put between the digits of telephone and card numbers
// does not count. Instants and plain amounts such as 1234567.50 are no such row.
func looksPrivate(literal string) bool {
	if literal[0] != '"' {
		whole, _, _ := strings.Cut(strings.TrimPrefix(literal, "-"), ".")
		return len(whole) > maxDigits+1
	}
	text := journey.Unquote(literal)
	return strings.Contains(text, "@") || holdsAddress(text) ||
		digitRow(text) > maxDigits && !isTime(text)
}

// holdsAddress tells texts of which an item is an IP address, with or without a port.
func holdsAddress(text string) bool {
	items := strings.FieldsFunc(text, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(".:%[]", c)
	})
	return slices.ContainsFunc(items, func(item string) bool {
		item = strings.TrimRight(item, ".")
		_, err := netip.ParseAddr(strings.Trim(item, "[]"))
		if err != nil {
			_, err = netip.ParseAddrPort(item)
		}
		return err == nil
	})
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

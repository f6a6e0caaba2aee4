package admit

import (
	"bytes"
	"net/netip"

	"github.com/waystage/waystage/services/journey"
)

// unread is what may be kept of a message that is not read: one that is no readable JSON, or too
// large to be looked into. Not ok: nothing may be, or it cannot be told what may.
func (p *Privacy) unread(message []byte) (kept []byte, ok bool) {
	switch {
	case p.denies() || p.asksConsent():
		return nil, false
	case p.handling() == journey.KeepIP:
		return message, true
	case bytes.Contains(message, []byte(`\u`)) || bytes.IndexByte(message, 0) >= 0:
		// Escapes, or an encoding of two bytes a character, may hide an address.
		return nil, false
	}
	return p.withoutAddresses(message), true
}

// withoutAddresses is a message that cannot be read, its addresses as they may be kept: wherever
// they stand, and whatever stands where one should.
func (p *Privacy) withoutAddresses(message []byte) []byte {
	message = p.masked(message)
	kept := make([]byte, 0, len(message))
	for {
		from, to := addressMember(message)
		kept = append(append(kept, message[:from]...), p.addressText(string(message[from:to]))...)
		if message = message[to:]; len(message) == 0 {
			return kept
		}
	}
}

// addressMember is the place of the first text of a member "ip" or "request_ip", in a text that is
// no JSON and may be cut; the end of the text where there is none.
func addressMember(text []byte) (from, to int) {
	name := []byte(`ip"`)
	for at := 0; ; {
		i := bytes.Index(text[at:], name)
		if i < 0 {
			return len(text), len(text)
		}
		before := text[:at+i]
		at += i + len(name)
		if !bytes.HasSuffix(before, []byte(`"`)) && !bytes.HasSuffix(before, []byte(`"request_`)) {
			continue
		}
		s := scanner{src: text, at: at}
		s.space()
		colon := s.take(':')
		s.space()
		if !colon || !s.take('"') {
			continue
		}
		if end := bytes.IndexByte(text[s.at:], '"'); end >= 0 {
			return s.at, s.at + end
		}
		return s.at, len(text)
	}
}

// What addresses have of dots and colons: an IPv4 address three dots, an IPv6 address without
// "::" six colons at least, those in front of an IPv4 address.
const (
	dotsOf4         = 3
	colonsOf6       = 6
	colonsOfShort6  = 2
	mostAddressText = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
)

// masked is a text with all its addresses as they may be kept. What may be an address and cannot
// be read as one is left out.
func (p *Privacy) masked(text []byte) []byte {
	kept := make([]byte, 0, len(text))
	for len(text) > 0 {
		word := text[:run(text, ofAddress)]
		kept = p.appendWord(kept, word)
		text = text[len(word):]
		other := run(text, func(c byte) bool { return !ofAddress(c) })
		kept, text = append(kept, text[:other]...), text[other:]
	}
	return kept
}

// appendWord writes a run of bytes that addresses are made of.
func (p *Privacy) appendWord(dst, word []byte) []byte {
	dots, colons := bytes.Count(word, []byte(".")), bytes.Count(word, []byte(":"))
	if dots < dotsOf4 && colons < colonsOfShort6 {
		return append(dst, word...)
	}
	if a, ok := addressOf(word); ok {
		return append(dst, p.address(a)...)
	}
	if colons >= colonsOf6 || bytes.Contains(word, []byte("::")) {
		return dst
	}
	for len(word) > 0 {
		digits := word[:run(word, ofAddress4)]
		dst = p.appendDigits(dst, digits)
		word = word[len(digits):]
		other := run(word, func(c byte) bool { return !ofAddress4(c) })
		dst, word = append(dst, word[:other]...), word[other:]
	}
	return dst
}

// appendDigits writes a run of digits and dots.
func (p *Privacy) appendDigits(dst, digits []byte) []byte {
	inner := bytes.Trim(digits, ".")
	if bytes.Count(inner, []byte(".")) < dotsOf4 {
		return append(dst, digits...)
	}
	if a, ok := addressOf(inner); ok {
		return append(dst, p.address(a)...)
	}
	return dst
}

func addressOf(text []byte) (netip.Addr, bool) {
	if len(text) > mostAddressText {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(string(text))
	return a, err == nil
}

// run is how many bytes of that sort a text begins with.
func run(text []byte, of func(byte) bool) int {
	n := 0
	for n < len(text) && of(text[n]) {
		n++
	}
	return n
}

func ofAddress4(c byte) bool { return '0' <= c && c <= '9' || c == '.' }

func ofAddress(c byte) bool {
	return ofAddress4(c) || c == ':' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

package admit

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/journey"
)

// example is a message of about 700 bytes as a browser SDK sends it.
const example = `{"timestamp":"2026-01-02T11:59:58.123Z","integrations":{},"userId":null,` +
	`"anonymousId":"0f7c3f3a-55a1-4ad0-b8a6-5e2f0d1c9b11","type":"track","event":"Product Added",` +
	`"properties":{"product_id":"507f1f77","sku":"G-32","name":"Monopoly: 3rd Edition",` +
	`"price":18.99,"quantity":2,"coupon":"MAYDEALS","currency":"USD","position":3,` +
	`"cart_id":"skdjsidjsdkdj29j"},"context":{"page":{"path":"/academy/","referrer":"",` +
	`"search":"?q=1","title":"Analytics Academy","url":"https://example.com/academy/"},` +
	`"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0","locale":"en-US",` +
	`"library":{"name":"analytics.js","version":"npm:next-1.84.3"},"timezone":"Europe/Berlin"},` +
	`"messageId":"ajs-next-1767355198123-51ef4abb-4bca-4abb-9bca-588600000001"}`

func BenchmarkAdmit(b *testing.B) {
	env := single(journey.KindUnknown)
	message := []byte(example)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := rules.Admit(&env, 0, message); refusal != nil {
			b.Fatal(refusal)
		}
	}
}

// BenchmarkCanonical sets the one pass beside what encoding/json needs for as much: decoding to a
// tree with numbers as sent, and encoding that with sorted names.
func BenchmarkCanonical(b *testing.B) {
	message := []byte(example)
	b.Run("one pass", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, refusal := canonical(message); refusal != nil {
				b.Fatal(refusal)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decoder := json.NewDecoder(bytes.NewReader(message))
			decoder.UseNumber()
			var tree map[string]any
			if err := decoder.Decode(&tree); err != nil {
				b.Fatal(err)
			}
			var out bytes.Buffer
			encoder := json.NewEncoder(&out)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(tree); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSplit takes apart a batch of 100 messages, beside encoding/json.
func BenchmarkSplit(b *testing.B) {
	body := []byte(`{"batch":[` + strings.Repeat(example+",", 99) + example + `],"sentAt":"x"}`)
	b.Run("one pass", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, refusal := Batch(body); refusal != nil {
				b.Fatal(refusal)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var parts struct {
				Batch  []json.RawMessage `json:"batch"`
				SentAt string            `json:"sentAt"`
			}
			if err := json.Unmarshal(body, &parts); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPrivacy is what settings add to a message: those of BenchmarkAdmit are the defaults,
// and the message holds no address.
func BenchmarkPrivacy(b *testing.B) {
	denied := journey.Privacy{Denied: []string{
		"email", "phone", "address", "first_name", "last_name", "birthday", "coupon",
		"products.email", "page.search", "traits.email",
	}}
	for _, bench := range []struct {
		name    string
		privacy *Privacy
		browser bool
	}{
		{"defaults", nil, false},
		{"from a browser", nil, true},
		{"consent", NewPrivacy(journey.Privacy{Consent: "context.locale=en-US"}), false},
		{"ten denied", NewPrivacy(denied), false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			env := single(journey.KindUnknown)
			env.Privacy = bench.privacy
			if bench.browser {
				env.Address = netip.MustParseAddr("192.0.2.9")
				env.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0"
			}
			message := []byte(example)
			b.ReportAllocs()
			for b.Loop() {
				if _, refusal := rules.Admit(&env, 0, message); refusal != nil {
					b.Fatal(refusal)
				}
			}
		})
	}
}

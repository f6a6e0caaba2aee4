package admit

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	goccy "github.com/goccy/go-json"
	segmentio "github.com/segmentio/encoding/json"
)

// BenchmarkDecoders does the whole work on a batch of 100 messages by several libraries: taking it
// apart, and writing each message in canonical form. docs/decisions/0005 tells what is to be read
// from it.
func BenchmarkDecoders(b *testing.B) {
	body := []byte(`{"batch":[` + strings.Repeat(example+",", 99) + example + `],"sentAt":"x"}`)
	for _, way := range []struct {
		name string
		do   func([]byte) (int, error)
	}{
		{"ours", byHand},
		{"encoding/json", func(body []byte) (int, error) {
			return byTree(body, json.Unmarshal, json.NewDecoder, json.Marshal)
		}},
		{"encoding/json/v2", byTokens},
		{"goccy/go-json", func(body []byte) (int, error) {
			return byTree(body, goccy.Unmarshal, goccy.NewDecoder, goccy.Marshal)
		}},
		{"segmentio/encoding", func(body []byte) (int, error) {
			return byTree(body, segmentio.Unmarshal, segmentio.NewDecoder, segmentio.Marshal)
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := way.do(bytes.Clone(body)); err != nil || n != 100 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func byHand(body []byte) (int, error) {
	parts, refusal := Batch(body)
	if refusal != nil {
		return 0, refusal
	}
	for _, m := range parts.Messages {
		if _, refusal := canonical(m); refusal != nil {
			return 0, refusal
		}
	}
	return len(parts.Messages), nil
}

// decoder is what all libraries with the API of encoding/json have.
type decoder interface {
	UseNumber()
	Decode(into any) error
}

func byTree[D decoder](
	body []byte, unmarshal func([]byte, any) error, newDecoder func(io.Reader) D,
	marshal func(any) ([]byte, error),
) (int, error) {
	var parts struct {
		Batch []json.RawMessage `json:"batch"`
	}
	if err := unmarshal(body, &parts); err != nil {
		return 0, err
	}
	for _, m := range parts.Batch {
		decoder := newDecoder(bytes.NewReader(m))
		decoder.UseNumber()
		var tree map[string]any
		if err := decoder.Decode(&tree); err != nil {
			return 0, err
		}
		if _, err := marshal(tree); err != nil {
			return 0, err
		}
	}
	return len(parts.Batch), nil
}

func byTokens(body []byte) (int, error) {
	var parts struct {
		Batch []jsontext.Value `json:"batch"`
	}
	if err := jsonv2.Unmarshal(body, &parts); err != nil {
		return 0, err
	}
	for _, m := range parts.Batch {
		err := m.Canonicalize(jsontext.CanonicalizeRawInts(false),
			jsontext.CanonicalizeRawFloats(false), jsontext.AllowDuplicateNames(true))
		if err != nil {
			return 0, err
		}
	}
	return len(parts.Batch), nil
}

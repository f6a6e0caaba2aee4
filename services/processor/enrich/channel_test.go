package enrich_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
)

// page is the context of a page of shop.example.com with an address's query and a referrer.
func page(query, referrer string) string {
	return `{"page":{"path":"/","referrer":"` + referrer + `","search":"` + query +
		`","url":"https://shop.example.com/` + query + `"}}`
}

func TestChannel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, context string
		want          journey.ChannelID
	}{
		{"nothing is said", ``, ""},
		{"nothing of a page", `{"userAgent":"x"}`, ""},
		{"an empty page", `{"page":{}}`, ""},
		{"typed in", page("", ""), enrich.Direct},
		{"typed in, as rudder-js says it", page("", "$direct"), enrich.Direct},
		{"only a path", `{"page":{"path":"/cart"}}`, enrich.Direct},
		{"from its own page", page("", "https://shop.example.com/a"), ""},
		{"from its own blog", page("", "https://blog.example.com/"), ""},
		{"from a neighbour under a public suffix", `{"page":{"referrer":"https://b.github.io/",` +
			`"url":"https://a.github.io/"}}`, enrich.Referral},
		{"from its own number", `{"page":{"referrer":"http://10.0.0.1/a","url":"http://10.0.0.1/"}}`, ""},
		{
			"from another number", `{"page":{"referrer":"http://10.0.0.1/","url":"http://20.0.0.1/"}}`,
			enrich.Referral,
		},
		{"at home", `{"page":{"referrer":"http://localhost:1/","url":"http://localhost:2/"}}`, ""},
		{"from Google", page("", "https://www.google.com/"), enrich.SEO},
		{"from Google elsewhere", page("", "https://www.google.co.uk/"), enrich.SEO},
		{"from Google's app", page("", "android-app://com.google.android.googlequicksearchbox/"), enrich.SEO},
		{"from DuckDuckGo", page("", "https://duckduckgo.com/"), enrich.SEO},
		{"from a document at Google", page("", "https://drive.google.com/x"), enrich.Referral},
		{"from Gmail", page("", "https://mail.google.com/mail/u/0/"), enrich.Email},
		{"from Facebook", page("", "https://l.facebook.com/l.php"), enrich.Social},
		{"from a telephone's Facebook", page("", "http://m.facebook.com/"), enrich.Social},
		{"from YouTube", page("", "https://www.youtube.com/watch"), enrich.Video},
		{"from Telegram", page("", "https://t.me/shop"), enrich.Messenger},
		{"from WhatsApp", page("", "https://web.whatsapp.com/"), enrich.Messenger},
		{"from a blog", page("", "https://blog.bread.example/"), enrich.Referral},
		{"from what only ends like one", page("", "https://notgoogle.com/"), enrich.Referral},
		{"from what is no address", page("", "%zz"), enrich.Direct},
		{"a click on Google's ad", page("?gclid=1", "https://www.google.com/"), enrich.PaidSearch},
		{"a click on an app's ad", page("?wbraid=1", ""), enrich.PaidSearch},
		{"a click on Bing's ad", page("?a=b&msclkid=1", ""), enrich.PaidSearch},
		{"a click on TikTok's ad", page("?ttclid=1", ""), enrich.PaidSocial},
		{"a banner's click", page("?dclid=1", ""), enrich.Display},
		{"a click in Facebook", page("?fbclid=1", ""), enrich.Social},
		{
			"a paid click in Facebook",
			page("?fbclid=1&utm_source=facebook&utm_medium=cpc", "https://l.facebook.com/"),
			enrich.PaidSocial,
		},
		{"a click without its value", page("?gclid=", ""), enrich.Direct},
		{"paid search", page("?utm_source=google&utm_medium=cpc", ""), enrich.PaidSearch},
		{"paid social", page("?utm_source=ig&utm_medium=paid_social", ""), enrich.PaidSocial},
		{"paid video", page("?utm_source=youtube&utm_medium=cpv-cpm", ""), enrich.PaidVideo},
		{"a banner", page("?utm_source=news.example&utm_medium=banner", ""), enrich.Display},
		{"thousands of views", page("?utm_source=news.example&utm_medium=CPM", ""), enrich.Display},
		{"paid somewhere", page("?utm_source=my-news.example&utm_medium=ppc", ""), enrich.Paid},
		{"a newsletter", page("?utm_source=march&utm_medium=E-Mail", ""), enrich.Email},
		{"a newsletter by its source", page("?utm_source=newsletter", ""), enrich.Email},
		{"a partner", page("?utm_source=bread.example&utm_medium=affiliate", ""), enrich.Partner},
		{"a text message", page("?utm_medium=sms", ""), enrich.SMS},
		{"a text message by its source", page("?utm_source=SMS", ""), enrich.SMS},
		{"a notice of the browser", page("?utm_source=app&utm_medium=web-push", ""), enrich.Push},
		{"social by its medium", page("?utm_source=x.example&utm_medium=Social+Media", ""), enrich.Social},
		{"social by its source", page("?utm_source=facebook.com&utm_medium=post", ""), enrich.Social},
		{"a video by its medium", page("?utm_source=x.example&utm_medium=videoad", ""), enrich.Video},
		{"a messenger by its source", page("?utm_source=whatsapp&utm_medium=share", ""), enrich.Messenger},
		{"unpaid search by its medium", page("?utm_source=x.example&utm_medium=organic", ""), enrich.SEO},
		{"a link by its medium", page("?utm_source=x.example&utm_medium=referral", ""), enrich.Referral},
		{"a campaign that says no more", page("?utm_campaign=spring", ""), enrich.Campaign},
		{"a campaign over a referrer", page("?utm_medium=email", "https://www.google.com/"), enrich.Email},
		{"a campaign from its own page", page("?utm_medium=email", "https://shop.example.com/"), enrich.Email},
		{
			"a campaign as analytics-next states it",
			`{"campaign":{"medium":"cpc","name":"spring","source":"bing"},"page":{"url":"https://a.example/"}}`,
			enrich.PaidSearch,
		},
		{
			"a stated campaign over the address", `{"campaign":{"medium":"email"},` +
				`"page":{"search":"?utm_source=google&utm_medium=cpc","url":"https://a.example/"}}`,
			enrich.Email,
		},
		{"a campaign that a server states", `{"campaign":{"source":"google"}}`, enrich.SEO},
		{
			"an address alone", `{"page":{"url":"https://a.example/?utm_medium=sms#top"}}`, enrich.SMS,
		},
		{
			"a referrer of its own", `{"page":{"url":"https://a.example/"},` +
				`"referrer":{"url":"https://www.bing.com/"}}`, enrich.SEO,
		},
		{"a query that is broken", page("?a=%zz;&gclid=1", ""), enrich.PaidSearch},
		{"what is no object", `{"campaign":1,"page":"x","referrer":[]}`, ""},
		{"what is no text", `{"page":{"referrer":{},"search":7,"url":null}}`, enrich.Direct},
		{"what is no context", `[`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := journey.Fact{Kind: journey.Page, Context: journey.Object(c.context)}
			if got := enrich.Channel(&f); got != c.want {
				t.Errorf("channel %q, want %q", got, c.want)
			}
			f.Kind = journey.Identify
			if got := enrich.Channel(&f); got != "" {
				t.Errorf("channel %q of what is no touchpoint", got)
			}
		})
	}
}

const channelMap = `
title: x
stages: [{id: first}, {id: last}]
channels: [{id: ours, when: 'properties.a == 1'}, {id: store}]
touchpoints: [{id: sale, stage: first, channel: store, events: [Sale]}]
`

// TestTheMapWins: what the map says of a channel stands; the usual rules fill the gap, also where
// there is no map.
func TestTheMapWins(t *testing.T) {
	t.Parallel()
	published, err := journey.Publication{Version: 2, Source: channelMap}.Parse()
	if err != nil {
		t.Fatal(err)
	}
	editions := journey.NewEditions([]journey.PublishedMap{published})
	context := journey.Object(page("", "https://www.google.com/"))
	for _, c := range []struct {
		name     string
		editions journey.Editions
		fact     journey.Fact
		want     journey.Attribution
	}{
		{
			"the touchpoint's", editions,
			journey.Fact{Event: "Sale", Context: context},
			journey.Attribution{Version: 2, Touchpoint: "sale", Stage: "first", Channel: "store"},
		},
		{
			"a rule of the map", editions,
			journey.Fact{Event: "x", Context: context, Properties: `{"a":1}`},
			journey.Attribution{Version: 2, Channel: "ours"},
		},
		{
			"the usual rules", editions,
			journey.Fact{Event: "x", Context: context},
			journey.Attribution{Version: 2, Channel: enrich.SEO},
		},
		{
			"no map",
			journey.Editions{},
			journey.Fact{Event: "x", Context: context},
			journey.Attribution{Channel: enrich.SEO},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.fact.Kind = journey.Track
			if diff := cmp.Diff(c.want, enrich.Attribute(c.editions, &c.fact)); diff != "" {
				t.Errorf("attribution (-want +got):\n%s", diff)
			}
		})
	}
}

func BenchmarkChannel(b *testing.B) {
	f := journey.Fact{Kind: journey.Page, Context: journey.Object(`{"library":{"name":` +
		`"analytics.js","version":"npm:next-1.84.3"},"locale":"en-US","page":{"path":"/p/1",` +
		`"referrer":"https://www.google.com/","search":"?utm_source=news&utm_medium=email",` +
		`"title":"Bread","url":"https://shop.example.com/p/1?utm_source=news&utm_medium=email"},` +
		`"timezone":"Europe/Berlin","userAgent":"` + windows + `Chrome/141.0.0.0 Safari/537.36"}`)}
	b.ReportAllocs()
	for b.Loop() {
		enrich.Channel(&f)
	}
}

// TestUsualChannels: the channels that a map may name without a rule are those that Channel gives.
func TestUsualChannels(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "channel.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		for _, value := range spec.Values {
			if text, err := strconv.Unquote(value.(*ast.BasicLit).Value); err == nil {
				declared = append(declared, text)
			}
		}
		return true
	})
	slices.Sort(declared)
	if diff := cmp.Diff(journey.UsualChannels(), declared); diff != "" {
		t.Errorf("usual channels (-of maps +given):\n%s", diff)
	}
}

package enrich_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
)

// webkit and gecko are what most user agents share.
const (
	webkit = ") AppleWebKit/537.36 (KHTML, like Gecko) "
	iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 " +
		"(KHTML, like Gecko) "
	windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64" + webkit
	macOS   = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7"
)

func TestClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, userAgent string
		want            journey.Client
	}{
		{
			"Chrome on Windows", windows + "Chrome/141.0.0.0 Safari/537.36",
			journey.Client{Device: "desktop", Browser: "Chrome", OS: "Windows"},
		},
		{
			"Edge on Windows", windows + "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
			journey.Client{Device: "desktop", Browser: "Edge", OS: "Windows"},
		},
		{
			"Opera on Windows", windows + "Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
			journey.Client{Device: "desktop", Browser: "Opera", OS: "Windows"},
		},
		{
			"Internet Explorer 11", "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
			journey.Client{Device: "desktop", Browser: "Internet Explorer", OS: "Windows"},
		},
		{
			"Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
			journey.Client{Device: "desktop", Browser: "Firefox", OS: "Linux"},
		},
		{
			"Safari on macOS",
			macOS + ") AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
			journey.Client{Device: "desktop", Browser: "Safari", OS: "macOS"},
		},
		{
			"Chrome on ChromeOS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0" + webkit +
				"Chrome/141.0.0.0 Safari/537.36",
			journey.Client{Device: "desktop", Browser: "Chrome", OS: "ChromeOS"},
		},
		{
			"Yandex Browser", windows + "Chrome/138.0.0.0 YaBrowser/25.8.0.0 Safari/537.36",
			journey.Client{Device: "desktop", Browser: "Yandex Browser", OS: "Windows"},
		},
		{
			"Safari on an iPhone", iphone + "Version/17.5 Mobile/15E148 Safari/604.1",
			journey.Client{Device: "mobile", Browser: "Safari", OS: "iOS"},
		},
		{
			"Chrome on an iPhone", iphone + "CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1",
			journey.Client{Device: "mobile", Browser: "Chrome", OS: "iOS"},
		},
		{
			"Instagram on an iPhone", iphone + "Mobile/21F79 Instagram 332.0.0 (iPhone14,5; iOS 17_5)",
			journey.Client{Device: "mobile", Browser: "Instagram App", OS: "iOS"},
		},
		{
			"Facebook on an iPhone", iphone + "Mobile/15E148 [FBAN/FBIOS;FBAV/450.0.0.38.108;" +
				"FBDV/iPhone14,5;FBSN/iOS;FBSV/17.5;FBOP/80]",
			journey.Client{Device: "mobile", Browser: "Facebook App", OS: "iOS"},
		},
		{
			"Chrome on Android", "Mozilla/5.0 (Linux; Android 10; K" + webkit +
				"Chrome/141.0.0.0 Mobile Safari/537.36",
			journey.Client{Device: "mobile", Browser: "Chrome", OS: "Android"},
		},
		{
			"Samsung Internet", "Mozilla/5.0 (Linux; Android 10; K" + webkit +
				"SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
			journey.Client{Device: "mobile", Browser: "Samsung Internet", OS: "Android"},
		},
		{
			"Firefox on Android", "Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
			journey.Client{Device: "mobile", Browser: "Firefox", OS: "Android"},
		},
		{
			"a telephone named like a robot", "Mozilla/5.0 (Linux; Android 9; CUBOT X18 Plus" + webkit +
				"Chrome/101.0.4951.61 Mobile Safari/537.36",
			journey.Client{Device: "mobile", Browser: "Chrome", OS: "Android"},
		},
		{
			"an iPad", "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 " +
				"(KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
			journey.Client{Device: "tablet", Browser: "Safari", OS: "iOS"},
		},
		{
			"a tablet with Android", "Mozilla/5.0 (Linux; Android 13; SM-X906C" + webkit +
				"Chrome/141.0.0.0 Safari/537.36",
			journey.Client{Device: "tablet", Browser: "Chrome", OS: "Android"},
		},
		{
			"Firefox on a tablet", "Mozilla/5.0 (Android 14; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0",
			journey.Client{Device: "tablet", Browser: "Firefox", OS: "Android"},
		},
		{
			"a Samsung TV", "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like " +
				"Gecko) 94.0.4606.31/7.0 TV Safari/537.36",
			journey.Client{Device: "tv"},
		},
		{
			"an LG TV", "Mozilla/5.0 (Web0S; Linux/SmartTV" + webkit + "Chrome/94.0.4606.128 Safari/537.36",
			journey.Client{Device: "tv", Browser: "Chrome", OS: "Linux"},
		},
		{
			"a TV with Android", "Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2" + webkit +
				"Chrome/110.0.0.0 Safari/537.36",
			journey.Client{Device: "tv", Browser: "Chrome", OS: "Android"},
		},
		{"the SDK of a server", "analytics-node/3.1.0", journey.Client{}},
		{"a library", "Go-http-client/2.0", journey.Client{}},
		{"a tool", "curl/8.5.0", journey.Client{}},
		{"Python", "python-requests/2.32.3", journey.Client{}},
		{"Java", "okhttp/4.12.0", journey.Client{}},
		{"a made-up name", "Wonder/1.0", journey.Client{}},
		{"nothing", "", journey.Client{}},
		{"no text at all", "\x00\xff(((;;;/////", journey.Client{}},
		{"far too long", strings.Repeat("(", 1<<16), journey.Client{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, bot := enrich.Client(c.userAgent)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
			if bot {
				t.Error("is taken for a robot")
			}
		})
	}
}

func TestBots(t *testing.T) {
	t.Parallel()
	for name, userAgent := range map[string]string{
		"Googlebot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Googlebot as a telephone": "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P" + webkit +
			"Chrome/141.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; " +
			"+http://www.google.com/bot.html)",
		"Bing": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; " +
			"+http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
		"Facebook's preview": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
		"WhatsApp's preview": "WhatsApp/2.23.20.0",
		"GPTBot": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.1; " +
			"+https://openai.com/gptbot",
		"ClaudeBot": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; " +
			"+claudebot@anthropic.com)",
		"headless Chrome": "Mozilla/5.0 (X11; Linux x86_64" + webkit +
			"HeadlessChrome/141.0.0.0 Safari/537.36",
		"PhantomJS": "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) " +
			"PhantomJS/2.1.1 Safari/538.1",
		"Lighthouse": "Mozilla/5.0 (Linux; Android 11; moto g power (2022)" + webkit +
			"Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
		"Pingdom":     "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
		"UptimeRobot": "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
		"StatusCake": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_6" + webkit +
			"Chrome/98.0.4758.102 Safari/537.36 StatusCake",
		"Ahrefs":            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
		"one that is new":   "Mozilla/5.0 (compatible; Zorgbot/1.0)",
		"a crawler":         "acme-crawler/0.1",
		"one with its page": "Mozilla/5.0 (compatible; Acme; +https://acme.example/about)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, bot := enrich.Client(userAgent); !bot {
				t.Errorf("%q is not taken for a robot", userAgent)
			}
		})
	}
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	f := journey.Fact{Kind: journey.Page, Context: `{"page":{"userAgent":"no"},"userAgent":"a \"b\""}`}
	if got := enrich.UserAgent(&f); got != `a "b"` {
		t.Errorf("user agent %q", got)
	}
	f.Context = journey.Object(`{"userAgent":"` + strings.Repeat("x", 2000) + `"}`)
	if got := len(enrich.UserAgent(&f)); got != 1024 {
		t.Errorf("%d bytes of a long user agent, want 1024", got)
	}
	f.Kind = journey.Identify
	if got := enrich.UserAgent(&f); got != "" {
		t.Errorf("user agent %q of what is no touchpoint", got)
	}
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind          journey.Kind
		bot, internal bool
		want          journey.Traffic
	}{
		{journey.Track, false, false, journey.Ordinary},
		{journey.Track, true, false, journey.Bot},
		{journey.Page, false, true, journey.Internal},
		{journey.Page, true, true, journey.Bot},
		{journey.Identify, true, true, journey.Ordinary},
	} {
		if got := enrich.Traffic(&journey.Fact{Kind: c.kind, Internal: c.internal}, c.bot); got != c.want {
			t.Errorf("%v, bot %t, internal %t: %q, want %q", c.kind, c.bot, c.internal, got, c.want)
		}
	}
}

func BenchmarkClient(b *testing.B) {
	for b.Loop() {
		enrich.Client(iphone + "Version/17.5 Mobile/15E148 Safari/604.1")
	}
}

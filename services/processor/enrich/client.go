package enrich

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/mileusna/useragent"

	"github.com/waystage/waystage/services/journey"
)

// maxUserAgentBytes is how much of a user agent is looked at. Those of browsers have 100 to 300.
const maxUserAgentBytes = 1024

// UserAgent is the user agent that a touchpoint's sender states, cut to 1,024 bytes; empty if it
// states none, as servers do.
func UserAgent(f *journey.Fact) string {
	if !f.Kind.IsTouchpoint() {
		return ""
	}
	text := journey.Unquote(f.Context.Literal("userAgent"))
	return text[:min(len(text), maxUserAgentBytes)]
}

// Client tells what a user agent stands for, and whether it is known for a robot's: a crawler, a
// monitor, a previewer, a browser without a window. The names of browsers and systems are those of
// a closed list, so that no sender can make more of them; the zero Client where neither is on it.
func Client(userAgent string) (client journey.Client, bot bool) {
	if userAgent == "" {
		return journey.Client{}, false
	}
	userAgent = userAgent[:min(len(userAgent), maxUserAgentBytes)]
	lower := strings.ToLower(userAgent)
	ua := useragent.Parse(userAgent)
	client = journey.Client{Browser: browsers[ua.Name], OS: systems[ua.OS]}
	if strings.Contains(userAgent, "DuckDuckGo/") {
		client.Browser = "DuckDuckGo"
	}
	switch {
	case isTV(lower):
		client.Device = "tv"
	case ua.Tablet, client.OS == "Android" && !strings.Contains(userAgent, "Mobi"):
		// Browsers on Android say "Mobile" on telephones alone.
		client.Device = "tablet"
	case ua.Mobile:
		client.Device = "mobile"
	case ua.Desktop:
		client.Device = "desktop"
	}
	return client, isBot(userAgent, lower)
}

// browsers are the names that the parser gives, with ours.
var browsers = map[string]string{
	useragent.Chrome: "Chrome", useragent.HeadlessChrome: "Chrome", "Chromium": "Chromium",
	useragent.Firefox: "Firefox", "Focus": "Firefox", useragent.Safari: "Safari",
	useragent.MobileSafari: "Safari", useragent.Edge: "Edge", useragent.Opera: "Opera",
	useragent.OperaMini: "Opera Mini", useragent.OperaTouch: "Opera", "OPX": "Opera",
	useragent.SamsungBrowser: "Samsung Internet", useragent.Vivaldi: "Vivaldi",
	"YaBrowser": "Yandex Browser", "UCBrowser": "UC Browser", "UBrowser": "UC Browser",
	"DuckDuckGo": "DuckDuckGo", "Ddg": "DuckDuckGo", "Brave": "Brave", "Silk": "Amazon Silk",
	"Huawei Browser": "Huawei Browser", "Miui Browser": "MIUI Browser",
	"MiuiBrowser": "MIUI Browser", "VivoBrowser": "Vivo Browser", "HeyTapBrowser": "HeyTap Browser",
	"Whale": "Whale", "coc_coc_browser": "Coc Coc", "QQBrowser": "QQ Browser",
	"MQQBrowser": "QQ Browser", "Electron": "Electron", "GSA": "Google App",
	useragent.InternetExplorer: "Internet Explorer", "Trident": "Internet Explorer",
	useragent.FacebookApp: "Facebook App", useragent.InstagramApp: "Instagram App",
	useragent.TiktokApp: "TikTok App", "Snapchat": "Snapchat App", "Pinterest": "Pinterest App",
	"MicroMessenger": "WeChat", "Line": "Line", "Android browser": "Android Browser",
	useragent.BlackBerry: "BlackBerry", "SeaMonkey": "SeaMonkey", "PaleMoon": "Pale Moon",
	"Ecosia": "Ecosia", "AvastSecureBrowser": "Avast Browser", "Avast": "Avast Browser",
	"AVG": "AVG Browser", "CCleaner": "CCleaner Browser", "Puffin": "Puffin",
	"Maxthon": "Maxthon", "Sleipnir": "Sleipnir", "Konqueror": "Konqueror", "Epiphany": "Epiphany",
	"Iron": "Iron",
}

var systems = map[string]string{
	useragent.Windows: "Windows", useragent.WindowsPhone: "Windows Phone",
	useragent.Android: "Android", useragent.MacOS: "macOS", useragent.IOS: "iOS",
	useragent.Linux: "Linux", useragent.FreeBSD: "FreeBSD", useragent.ChromeOS: "ChromeOS",
	useragent.BlackBerry: "BlackBerry", useragent.Harmony: "HarmonyOS",
}

// televisions are texts of the user agents of TV sets, boxes and sticks, in lower case.
var televisions = []string{
	"smart-tv", "smarttv", "smart tv", "googletv", "google tv", "android tv", "appletv",
	"apple tv", "hbbtv", "web0s", "webos.tv", "netcast", "bravia", "crkey", "roku/", "roku dvp",
	"viera", "aquos", "philipstv", "aftt", "aftm", "afts", "aftb", "aftk", "aftn", "vidaa",
	"large screen", "shield android tv", "dtv",
}

func isTV(lower string) bool {
	for _, tv := range televisions {
		if strings.Contains(lower, tv) {
			return true
		}
	}
	return strings.Contains(lower, "tizen") && strings.Contains(lower, " tv")
}

// bots is the list, with its sources in its first lines.
//
//go:embed bots.txt
var bots string

var botTexts = readBots(bots)

// start is how a text begins: texts are looked up by it at each place of a user agent.
type start [3]byte

// botText is a text of the list. first tells that user agents must begin with it.
type botText struct {
	text  string
	first bool
}

func readBots(list string) map[start][]botText {
	texts := make(map[start][]botText)
	for line := range strings.Lines(list) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		text, first := strings.CutPrefix(line, "^")
		texts[start([]byte(text))] = append(texts[start([]byte(text))], botText{text, first})
	}
	return texts
}

func isBot(userAgent, lower string) bool {
	for i := range max(len(userAgent)-len(start{})+1, 0) {
		rest := userAgent[i:]
		for _, b := range botTexts[start([]byte(rest[:3]))] {
			if strings.HasPrefix(rest, b.text) && (i == 0 || !b.first) {
				return true
			}
		}
	}
	return namedBot(lower)
}

// botWords are what robots that are on no list yet say of themselves.
var botWords = []string{
	"crawler", "spider", "headless", "scraper", "phantomjs", "uptime", "+http://", "+https://",
}

// namedBot tells what calls itself a robot: a word that ends in "bot", but for a maker of
// telephones, or one of the words.
func namedBot(lower string) bool {
	for rest := lower; ; {
		before, after, found := strings.Cut(rest, "bot")
		if !found {
			break
		}
		if !strings.HasSuffix(before, "cu") && (after == "" || !letter(after[0])) {
			return true
		}
		rest = after
	}
	return slices.ContainsFunc(botWords, func(word string) bool {
		return strings.Contains(lower, word)
	})
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' }

// Traffic marks a touchpoint: a robot's before all else, then one of the site's own people.
func Traffic(f *journey.Fact, bot bool) journey.Traffic {
	switch {
	case !f.Kind.IsTouchpoint():
		return journey.Ordinary
	case bot:
		return journey.Bot
	case f.Internal:
		return journey.Internal
	default:
		return journey.Ordinary
	}
}

package world

// client is what people have in their hands.
type client struct {
	userAgent string
	// device is desktop, mobile or tablet.
	device string
	// app tells the company's own app, whose name is added.
	app bool
}

// clients are told apart by their place: mobile ones first, then tablets, desktops, the app's.
var clients = [...]client{
	{userAgent: "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"Chrome/141.0.0.0 Mobile Safari/537.36", device: "mobile"},
	{userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 " +
		"(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1", device: "mobile"},
	{userAgent: "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 " +
		"(KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1", device: "tablet"},
	{userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " +
		"(KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", device: "desktop"},
	{userAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 " +
		"Firefox/144.0", device: "desktop"},
	{userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 " +
		"(KHTML, like Gecko) Mobile/15E148", device: "mobile", app: true},
}

const (
	tabletClient  = 2
	desktopClient = 3
	appClient     = 5
)

// firstClient draws what somebody comes with.
func (p *plot) firstClient() uint8 {
	u := p.dice.Float64()
	switch {
	case u < p.kind.mobile:
		return uint8(p.dice.IntN(tabletClient))
	case u < p.kind.mobile+p.kind.tablet:
		return tabletClient
	default:
		return desktopClient + uint8(p.dice.IntN(appClient-desktopClient))
	}
}

// otherClient is what somebody takes up beside the first: the app where there is one.
func (p *plot) otherClient() uint8 {
	switch {
	case p.company.app != "":
		return appClient
	case p.person.clients[0] < desktopClient:
		return desktopClient
	default:
		return 0
	}
}

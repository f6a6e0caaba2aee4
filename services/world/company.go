package world

import (
	"cmp"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// company is a live world as data: what can be done there, by whom, and how they travel. Acts are
// named by their ids.
type company struct {
	// home is the address of its pages, with a slash at its end.
	home string
	// app is how its app calls itself to servers; empty where there is none.
	app string
	// perDay is how many persons arrive, on average.
	perDay  float64
	acts    []act
	sources []source
	kinds   []kind
	// scenes are the stages, in the order of the map.
	scenes []scene
	// signUp is done by those who make themselves known; empty for nothing.
	signUp string
	// sale is the act that is another touchpoint from a person's second on, by repeats, ascending;
	// refund gives money back. money is the property of the amount.
	sale, refund, money string
	repeats             []repetition
	trial               trial
	// personas are tried in order.
	personas []recognition
}

// repetition is the touchpoint and stage of a person's n-th sale and the later ones.
type repetition struct {
	from       int
	touchpoint journey.TouchpointID
	at         journey.StageID
}

// act is something that people do. It is one of track, page, identify and group.
type act struct {
	// id is the touchpoint of the map, where it is one; is tells another id of it, for acts that are
	// one touchpoint done in two ways.
	id, is string
	// at is its stage; empty for what no touchpoint of the map recognises.
	at journey.StageID
	// track is the event of a track, page the name of a page, or of a screen in the app.
	track, page     string
	identify, group bool
	// offline is done without a device, and told by the company's own systems.
	offline bool
	// channel is the one that the map states for the touchpoint, or the message itself.
	channel journey.ChannelID
	// barrier marks an obstacle.
	barrier bool
	has     []property
}

// kind tells the message of the act; pages are screens in the app.
func (a *act) kind(app bool) journey.Kind {
	switch {
	case a.identify:
		return journey.Identify
	case a.group:
		return journey.Group
	case a.track != "":
		return journey.Track
	case app:
		return journey.Screen
	default:
		return journey.Page
	}
}

// name is the id that counts.
func (a *act) name() string { return cmp.Or(a.is, a.id) }

func (a *act) isTouchpoint() bool { return !a.identify && !a.group }

// kind is a sort of people.
type kind struct {
	name string
	// tells is the persona that the traits alone tell; Unassigned for none.
	tells  journey.PersonaID
	weight float64
	traits []property
	// groupType is what they join when they make themselves known, a share of them, one of so many
	// groups; empty for none.
	groupType  string
	groupShare float64
	groups     int
	// route is the order in which they go through stages.
	route []journey.StageID
	// onward, risk and pace multiply the chance to go on, that of obstacles, and waits.
	onward, risk, pace float64
	// known is the chance to be known after each scene that offers it.
	known float64
	// again is the chance to buy again, each time.
	again float64
	// happy is the usual mood, from -1 to 1.
	happy float64
	// purse multiplies amounts of money; 0 is once.
	purse float64
	// sources of the first visit and of later ones, by weight, in the order of the company's.
	sources, returns []float64
	// mobile is the share that comes with a telephone, tablet that with a tablet.
	mobile, tablet float64
	// favours multiply the weights of acts.
	favours map[string]float64
}

// scene is what happens at a stage.
type scene struct {
	stage journey.StageID
	// sameVisit is the chance that it follows at once; else it takes a time of the mean after.
	sameVisit float64
	after     time.Duration
	// offersKnown tells that people may make themselves known here; must that they have to first.
	offersKnown, must bool
	// shows the experiment when it begins.
	shows  bool
	script []line
	// linger is one of these acts, and with the chance more one more, and so on.
	linger []pick
	more   float64
	// giveUp is the chance to leave at a barrier met while lingering.
	giveUp float64
	// repeats are the stages that those who buy again play again, each time after a wait of the
	// mean repeatAfter.
	repeats     []journey.StageID
	repeatAfter time.Duration
	// onward is the chance to go on to the next stage.
	onward float64
}

type pick struct {
	act    string
	weight float64
}

// line is a part of what is done at a scene, in order.
type line struct {
	do string
	// share is the chance that it happens at all, troubled that for those who met a barrier; 0 of
	// share is always, 0 of troubled is share.
	share, troubled float64
	after           time.Duration
	// obstacle comes before it with the chance risk, and makes people leave with the chance leave;
	// instead: it comes in place of it.
	obstacle    string
	risk, leave float64
	instead     bool
	// quit is the chance to leave after it without a word.
	quit float64
}

// trial is an experiment.
type trial struct {
	name       string
	variations []variation
}

// variation of an experiment: its people leave by a multiple of the usual chance from the scene
// that shows it on, and go on from that scene by a multiple of it.
type variation struct {
	name          string
	leave, onward float64
}

// source is where visits come from.
type source struct {
	channel journey.ChannelID
	// referrer, and the campaign; byAddress: the page's address tells it.
	referrer               string
	campaign, from, medium string
	byAddress              bool
	// invites tells that a friend's code brought them.
	invites bool
}

const day = 24 * time.Hour

// recognition is a rule of the map about persons, in the world's own words.
type recognition struct {
	persona journey.PersonaID
	holds   func(*portrait) bool
}

// Scenario names a live world.
type Scenario string

// The scenarios, each with a journey map of the same name.
const (
	Grocery Scenario = "grocery"
	Airline Scenario = "airline"
	Tiles   Scenario = "tiles"
)

// Scenarios gives all of them.
func Scenarios() []Scenario { return []Scenario{Grocery, Airline, Tiles} }

var companies = map[Scenario]func() *company{
	Grocery: grocery, Airline: airline, Tiles: tiles,
}

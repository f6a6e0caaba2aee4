package world

import (
	"fmt"
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// Event is one of the event names of a benchmark world and what the map says of it.
type Event struct {
	Name string
	// Attribution is zero for an event that is not on the map.
	Attribution journey.Attribution
}

// OnMap tells whether the map knows the event.
func (e Event) OnMap() bool { return e.Attribution.Stage != "" }

// Sizes of the catalogue.
const (
	stageCount  = 9
	mappedCount = 40
	eventCount  = 60
)

// stageEvents are the stages of a benchmark world, in order, each with the events that the map
// puts there.
var stageEvents = [stageCount]struct {
	stage  journey.StageID
	events []string
}{
	{"awareness", []string{"ad_seen", "post_seen", "video_seen", "poster_scanned", "friend_told"}},
	{"interest", []string{
		"page_opened", "article_read", "letter_opened", "event_joined", "forum_read",
	}},
	{"desire", []string{
		"product_viewed", "gallery_opened", "expert_read", "story_read", "wish_added",
	}},
	{"search", []string{"search_run", "landing_opened", "chat_opened", "contact_left", "filter_used"}},
	{"comparison", []string{"prices_compared", "review_read", "calculator_used", "call_made"}},
	{"purchase", []string{"cart_filled", "checkout_opened", "payment_made", "order_placed"}},
	{"satisfaction", []string{"parcel_received", "support_asked", "manual_opened", "rating_given"}},
	{"loyalty", []string{"club_joined", "order_repeated", "coupon_used", "letter_clicked"}},
	{"advocacy", []string{"link_shared", "friend_invited", "review_written", "post_shared"}},
}

// offMap are the events that no rule of the map recognises.
var offMap = [eventCount - mappedCount]string{
	"app_opened", "app_closed", "menu_opened", "banner_closed", "cookie_answered",
	"language_set", "theme_set", "scroll_reached", "form_focused", "form_left",
	"error_shown", "help_opened", "map_zoomed", "image_zoomed", "tab_hidden",
	"sound_muted", "letter_sent", "push_sent", "test_shown", "job_page_opened",
}

var channels = [...]journey.ChannelID{
	"own_site", "seo", "paid_search", "social", "email", "messenger", "partner", "direct",
}

var catalogue = makeCatalogue()

func makeCatalogue() []Event {
	all := make([]Event, 0, eventCount)
	for _, s := range stageEvents {
		for _, name := range s.events {
			all = append(all, Event{Name: name, Attribution: journey.Attribution{
				Version:    1,
				Touchpoint: journey.TouchpointID(fmt.Sprintf("t_%s", name)),
				Stage:      s.stage,
				Channel:    channels[len(all)%len(channels)],
			}})
		}
	}
	for _, name := range offMap {
		all = append(all, Event{Name: name})
	}
	return all
}

// Catalogue gives the 60 events of a benchmark world: first the 40 on the map, in the order of
// their stages, then the others. A Touchpoint's Event is an index into it.
func Catalogue() []Event { return slices.Clone(catalogue) }

// Stages gives the nine stages of a benchmark world, in order.
func Stages() []journey.StageID {
	ids := make([]journey.StageID, 0, stageCount)
	for _, s := range stageEvents {
		ids = append(ids, s.stage)
	}
	return ids
}

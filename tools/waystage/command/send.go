package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/waystage/waystage/proto/question"
	"github.com/waystage/waystage/tools/waystage/collect"
)

// messageKinds are what can be sent, in the words of Segment's API.
var messageKinds = []string{"track", "page", "screen", "identify", "group", "alias"}

// envelope is what makes one message.
type envelope struct {
	kind, user, anonymous string
	previous, group, at   string
	properties, traits    []string
}

func newSend(w *World) *cobra.Command {
	t := &target{world: w}
	var e envelope
	c := &cobra.Command{
		Use: "send EVENT", GroupID: groupSend,
		Short: "Send one message, for trying",
		Long: `Sends one message through ingest and prints the answer. EVENT is the event name of a track
message, or the name of a page or screen; other kinds have none.

Values of properties and traits are JSON where they can be (2, true, [1,2], "2"), else
text. A name with dots stays one name. Without --user and --anonymous the message comes
from the anonymous visitor "waystage-send".`,
		Example: `  waystage send "Product Viewed" --user ann --property sku=bread-01 --property price=2.5
  waystage send Home --type page --anonymous cookie-7
  waystage send --type identify --user ann --trait plan=plus --trait age=34
  waystage send --type alias --previous cookie-7 --user ann`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body, err := e.message(w, args)
			if err != nil {
				return err
			}
			sender, err := t.sender(0)
			if err != nil {
				return err
			}
			answer, err := sender.Post(c.Context(), e.kind, body)
			if err != nil {
				return explainSending(t, err)
			}
			fmt.Fprintf(w.Stdout, "accepted %d: %s\n", answer.Accepted, body)
			return nil
		},
	}
	t.addIngest(c)
	f := c.Flags()
	f.StringVar(&e.kind, "type", "track", "`kind` of message: "+strings.Join(messageKinds, ", "))
	f.StringVar(&e.user, "user", "", "user `id`")
	f.StringVar(&e.anonymous, "anonymous", "", "anonymous `id`: a device or cookie")
	f.StringVar(&e.previous, "previous", "", "`id` that an alias gives up")
	f.StringVar(&e.group, "group", "", "group `id`")
	f.StringVar(&e.at, "at", "", "when it happened: an instant, or `-2h` (default: now, by ingest)")
	f.StringArrayVarP(&e.properties, "property", "p", nil,
		"`NAME=VALUE` of the event; may be repeated")
	f.StringArrayVar(&e.traits, "trait", nil,
		"`NAME=VALUE` of the person; may be repeated")
	return c
}

const nobody = "waystage-send"

// message is the JSON of the message.
func (e envelope) message(w *World, args []string) ([]byte, error) {
	if !slices.Contains(messageKinds, e.kind) {
		return nil, usage("--type %q: there are %s", e.kind, strings.Join(messageKinds, ", "))
	}
	m := map[string]any{"type": e.kind}
	for name, value := range map[string]string{
		"userId": e.user, "anonymousId": e.anonymous, "previousId": e.previous, "groupId": e.group,
	} {
		if value != "" {
			m[name] = value
		}
	}
	if e.user == "" && e.anonymous == "" {
		m["anonymousId"] = nobody
	}
	if err := e.name(m, args); err != nil {
		return nil, err
	}
	if e.at != "" {
		at, err := question.Instant(e.at, w.Now())
		if err != nil {
			return nil, usage("--at %w", err)
		}
		m["timestamp"] = at
	}
	for name, pairs := range map[string][]string{"properties": e.properties, "traits": e.traits} {
		if len(pairs) == 0 {
			continue
		}
		object, err := objectOf(pairs)
		if err != nil {
			return nil, err
		}
		m[name] = object
	}
	return json.Marshal(m)
}

// name sets the name of what happened, by kind.
func (e envelope) name(m map[string]any, args []string) error {
	switch {
	case e.kind == "track" && len(args) == 0:
		return usage("name the event: send EVENT")
	case e.kind == "track":
		m["event"] = args[0]
	case len(args) == 0:
	case e.kind == "page" || e.kind == "screen":
		m["name"] = args[0]
	default:
		return usage("a message of type %s has no event name; leave %q out", e.kind, args[0])
	}
	return nil
}

// objectOf makes an object of NAME=VALUE pairs.
func objectOf(pairs []string) (map[string]any, error) {
	object := make(map[string]any, len(pairs))
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usage("%q: write NAME=VALUE", pair)
		}
		if json.Valid([]byte(text)) {
			object[name] = json.RawMessage(text)
		} else {
			object[name] = text
		}
	}
	return object, nil
}

// explainSending says what to do where ingest cannot be reached or refuses the key.
func explainSending(t *target, err error) error {
	refused, answered := errors.AsType[*collect.Error](err)
	switch {
	case !answered:
		return fmt.Errorf("%w\nIs ingest there? Start it with `%s up`, or say where it is with "+
			"--ingest or WAYSTAGE_INGEST", err, t.world.Self)
	case refused.Status == 401 || refused.Status == 403:
		return fmt.Errorf("%w\nGive a write key of the site with --write-key or "+
			"WAYSTAGE_WRITE_KEY", err)
	default:
		return err
	}
}

package up

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/journey/maps"
	"github.com/waystage/waystage/services/world"
	"github.com/waystage/waystage/tools/waystage/collect"
	"github.com/waystage/waystage/tools/waystage/demo"
	"github.com/waystage/waystage/tools/waystage/instance"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// chooseDemo finds out which demonstration it is, if any: a folder shows one for its whole life.
func (u *up) chooseDemo() error {
	if u.config.Demo == DemoNone {
		return nil
	}
	found, err := u.folder.LoadState(u.folder.DemoFile(), &u.story)
	if err != nil {
		return err
	}
	asked := world.Scenario(u.config.Demo)
	if !found {
		u.story.Demo = cmp.Or(asked, world.Scenarios()[0])
		return nil
	}
	u.story.Demo = cmp.Or(u.story.Demo, world.Grocery)
	if asked != "" && asked != u.story.Demo {
		return fmt.Errorf("--demo %s: the data folder %s shows the demonstration %q already; "+
			"give this one a folder of its own by --data", asked, u.config.Dir, u.story.Demo)
	}
	return nil
}

// demonstrate makes the demonstration site where it is missing, tells its history if that was not
// done, and keeps its people busy. It gives the site's write key.
func (u *up) demonstrate(
	ctx context.Context, run instance.Run, rootToken string,
) (string, error) {
	client, err := remote.New(run.GRPC, rootToken)
	if err != nil {
		return "", err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	keys, err := u.prepareSite(ctx, client)
	if err != nil {
		return "", fmt.Errorf("preparing the demonstration site: %w", err)
	}
	if err := u.begin(); err != nil {
		return "", err
	}
	sender := &collect.Client{
		Address: run.Ingest, WriteKey: keys.Write, RetryFor: time.Minute,
		OnRetry: func(err error, _ time.Duration) {
			u.log.Warn().Err(err).Msg("the demonstration has to wait")
		},
	}
	teller := demo.New(u.story.Demo, sender, u.config.DemoPace, func(s demo.State) error {
		return u.folder.SaveState(u.folder.DemoFile(), s)
	})
	if !u.story.HistoryDone {
		if err := u.past(ctx, teller); err != nil {
			return "", err
		}
	}
	u.present(teller)
	return keys.Write, nil
}

// prepareSite makes the site, its keys and its map, as far as they are missing.
func (u *up) prepareSite(ctx context.Context, client *remote.Client) (instance.Keys, error) {
	_, err := client.Sites.CreateSite(ctx, &sitev1.CreateSiteRequest{
		SiteId: demo.Site,
		Site:   &sitev1.Site{DisplayName: "Demonstration: " + demo.CompanyOf(u.story.Demo).Title},
	})
	if err != nil && remote.Code(err) != codes.AlreadyExists {
		return instance.Keys{}, err
	}
	keys, err := u.folder.Keys(demo.Site)
	if err != nil {
		return instance.Keys{}, err
	}
	for _, k := range []struct {
		kind   sitev1.KeyKind
		secret *string
	}{
		{sitev1.KeyKind_KEY_KIND_WRITE, &keys.Write},
		{sitev1.KeyKind_KEY_KIND_READ, &keys.Read},
	} {
		if *k.secret != "" {
			continue
		}
		made, err := client.Sites.CreateKey(ctx, &sitev1.CreateKeyRequest{
			Parent: "sites/" + demo.Site, Kind: k.kind, Label: "waystage up",
		})
		if err != nil {
			return instance.Keys{}, err
		}
		*k.secret = made.GetSecret()
	}
	if err := u.folder.SaveKeys(demo.Site, keys); err != nil {
		return instance.Keys{}, err
	}
	return keys, u.publishMap(ctx, client)
}

// publishMap publishes the map of the company, unless the site has one: somebody may have changed
// it.
func (u *up) publishMap(ctx context.Context, client *remote.Client) error {
	_, err := client.Maps.GetJourneyMap(ctx, &journeyv1.GetJourneyMapRequest{
		Name: "sites/" + demo.Site + "/journeyMaps/latest",
	})
	if err == nil || remote.Code(err) != codes.NotFound {
		return err
	}
	source, found := maps.ByName(string(u.story.Demo))
	if !found {
		return fmt.Errorf("there is no map for the demonstration %q", u.story.Demo)
	}
	_, err = client.Maps.PublishJourneyMap(ctx, &journeyv1.PublishJourneyMapRequest{
		Parent: "sites/" + demo.Site, Source: source,
	})
	return err
}

// begin begins the story where it has not begun.
func (u *up) begin() error {
	if !u.story.Began.IsZero() {
		return nil
	}
	u.story.Began = time.Now().UTC().Truncate(time.Millisecond)
	u.story.At = u.story.Began
	return u.folder.SaveState(u.folder.DemoFile(), u.story)
}

// past tells the history, shows how far it is, and waits until it can be asked about.
func (u *up) past(ctx context.Context, teller *demo.Teller) error {
	began := time.Now()
	told, err := teller.Past(ctx, &u.story, func(done, of int) {
		now := time.Now()
		u.screen.Status(progressLine("telling 30 days of history", done, of, now.Sub(began)), now)
	})
	if err != nil {
		return err
	}
	if err := u.awaitStored(ctx, float64(told)); err != nil {
		return err
	}
	u.screen.Status("", time.Now())
	u.screen.Line("told the history     %s messages of 30 days of %s, the site %q, in %.0f s",
		picture.Number(told), demo.CompanyOf(u.story.Demo).Title, demo.Site,
		time.Since(began).Seconds())
	return nil
}

const (
	storedPause = 100 * time.Millisecond
	// storedTimeout is how long the wait for the processor may take; then it goes on meanwhile.
	storedTimeout = 2 * time.Minute
)

// awaitStored waits until the processor has handled so many records since the start.
func (u *up) awaitStored(ctx context.Context, records float64) error {
	ticker := time.NewTicker(storedPause)
	defer ticker.Stop()
	deadline := time.Now().Add(storedTimeout)
	for {
		r := u.meter.read(time.Now())
		if r.handled >= records || r.at.After(deadline) {
			return nil
		}
		u.screen.Status(fmt.Sprintf("storing the history: %.0f of %.0f", r.handled, records), r.at)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case p := <-u.ended:
			return p.early()
		case <-ticker.C:
		}
	}
}

// present starts to tell what happens from now on. That it fails stops nothing else.
func (u *up) present(teller *demo.Teller) {
	state := u.story
	p := launch("demo", func(ctx context.Context, _ func(bool)) error {
		err := teller.Present(ctx, state)
		if err != nil && !errors.Is(err, context.Canceled) {
			u.screen.Line("the demonstration has stopped: %v", err)
		}
		return nil
	})
	u.running.push("demo", p.stop)
}

// progressLine draws how far something is.
func progressLine(what string, done, of int, took time.Duration) string {
	const columns = 20
	share := float64(done) / float64(max(of, 1))
	drawn := picture.Bar(share, columns)
	rate := float64(done) / max(took.Seconds(), 0.001)
	return fmt.Sprintf("%s  %s%s %3.0f %%  %s of %s, %s/s", what, drawn,
		strings.Repeat(" ", columns-len([]rune(drawn))), share*100,
		picture.Number(done), picture.Number(of), picture.Number(int(rate)))
}

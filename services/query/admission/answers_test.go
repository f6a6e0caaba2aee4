package admission_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/admission"
	"github.com/waystage/waystage/services/query/api"
)

// inner answers everything at once when it is let, and counts what it is asked.
type inner struct {
	let   chan bool
	asked atomic.Int64
}

func (i *inner) answer() error {
	i.asked.Add(1)
	<-i.let
	return errAnswered
}

// errAnswered is what it answers.
var errAnswered = errors.New("answered")

func (i *inner) Funnel(context.Context, journey.SiteID, funnel.Question) (api.Funnel, error) {
	return api.Funnel{}, i.answer()
}

func (i *inner) FunnelAs(
	context.Context, journey.SiteID, funnel.Question, []funnel.Group,
) (api.Funnel, error) {
	return api.Funnel{}, i.answer()
}

func (i *inner) Persons(
	context.Context, journey.SiteID, funnel.Question, api.Page,
) (api.Persons, error) {
	return api.Persons{}, i.answer()
}

func (i *inner) Person(
	context.Context, journey.SiteID, api.Who, time.Time,
) (api.PersonAsOf, error) {
	return api.PersonAsOf{}, i.answer()
}

func (i *inner) Explain(
	context.Context, journey.SiteID, funnel.Question, api.UnitName,
) (api.Explained, error) {
	return api.Explained{}, i.answer()
}

// windows are what a question costs: as many rows as its window has nanoseconds; none is unknown.
type windows struct{}

func (windows) Rows(_ context.Context, _ journey.SiteID, q funnel.Question) (uint64, error) {
	if q.Window == 0 {
		return heavy, errors.New("unknown")
	}
	return uint64(q.Window), nil
}

// doors are all ways to ask, each by a question that costs so much.
func doors(
	g *admission.Gate, i *inner, costs admission.Costs,
) map[string]func(context.Context, journey.SiteID, time.Duration) error {
	a := g.Answers(i, costs)
	q := func(cost time.Duration) funnel.Question { return funnel.Question{Window: cost} }
	return map[string]func(context.Context, journey.SiteID, time.Duration) error{
		"funnel": func(ctx context.Context, s journey.SiteID, cost time.Duration) error {
			_, err := a.Funnel(ctx, s, q(cost))
			return err
		},
		"as another": func(ctx context.Context, s journey.SiteID, cost time.Duration) error {
			_, err := a.FunnelAs(ctx, s, q(cost), nil)
			return err
		},
		"persons": func(ctx context.Context, s journey.SiteID, cost time.Duration) error {
			_, err := a.Persons(ctx, s, q(cost), api.Page{})
			return err
		},
		"person": func(ctx context.Context, s journey.SiteID, _ time.Duration) error {
			_, err := g.People(i).Person(ctx, s, api.Who{}, time.Time{})
			return err
		},
		"explained": func(ctx context.Context, s journey.SiteID, cost time.Duration) error {
			_, err := g.Explainer(i).Explain(ctx, s, q(cost), api.UnitName{})
			return err
		},
	}
}

// TestDoors: whatever is asked waits for its turn, has a place while it is answered, and leaves it.
func TestDoors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"funnel", "as another", "persons", "person", "explained"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, i := newGate(1, time.Minute), &inner{let: make(chan bool)}
				ask := doors(g, i, windows{})[name]
				leave, err := g.Enter(t.Context(), "somebody", 0)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				given, answered := make(chan error, 1), make(chan error, 1)
				go func() { given <- ask(ctx, "shop", 1) }()
				go func() { answered <- ask(t.Context(), "shop", 1) }()
				synctest.Wait()
				if g.Waiting() != 2 || i.asked.Load() != 0 {
					t.Errorf("%d wait, %d were asked", g.Waiting(), i.asked.Load())
				}
				cancel()
				if err := <-given; !errors.Is(err, context.Canceled) {
					t.Errorf("who left got %v", err)
				}
				leave()
				synctest.Wait()
				if g.Running() != 1 || i.asked.Load() != 1 {
					t.Errorf("%d are inside, %d were asked", g.Running(), i.asked.Load())
				}
				close(i.let)
				if err := <-answered; !errors.Is(err, errAnswered) || g.Running() != 0 {
					t.Errorf("%v, %d are inside", err, g.Running())
				}
			})
		})
	}
}

// TestCosts: questions that cost much leave room for others; those about one unit, and those whose
// cost is not known, are light ones.
func TestCosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		cost    time.Duration
		costs   admission.Costs
		running int
	}{
		{name: "funnel", cost: heavy, costs: windows{}, running: 1},
		{name: "as another", cost: heavy, costs: windows{}, running: 1},
		{name: "persons", cost: heavy, costs: windows{}, running: 1},
		{name: "funnel", cost: heavy - 1, costs: windows{}, running: 2},
		{name: "persons", cost: 0, costs: windows{}, running: 2},
		{name: "funnel", cost: heavy, running: 2},
		{name: "person", cost: heavy, costs: windows{}, running: 2},
		{name: "explained", cost: heavy, costs: windows{}, running: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, i := newGate(2, time.Minute), &inner{let: make(chan bool)}
			ask := doors(g, i, c.costs)[c.name]
			for range 3 {
				go func() { _ = ask(t.Context(), "shop", c.cost) }()
			}
			synctest.Wait()
			if g.Running() != c.running {
				t.Errorf("%s that costs %d: %d are inside, want %d", c.name, c.cost, g.Running(), c.running)
			}
			close(i.let)
			synctest.Wait()
		})
	}
}

// TestSitesApart: of sites that are asked about by the operator none waits behind another's queue.
func TestSitesApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, i := newGate(1, time.Hour), &inner{let: make(chan bool)}
		ask := doors(g, i, windows{})["funnel"]
		var order []journey.SiteID
		for _, s := range []journey.SiteID{"a", "a", "a", "a", "b"} {
			go func() {
				_ = ask(t.Context(), s, 1)
				order = append(order, s)
			}()
			synctest.Wait()
		}
		for range 5 {
			i.let <- true
			synctest.Wait()
		}
		if order[2] != "b" && order[1] != "b" {
			t.Errorf("order %v", order)
		}
	})
}

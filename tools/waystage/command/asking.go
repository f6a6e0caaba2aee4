package command

import (
	"github.com/spf13/cobra"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/proto/question"
)

// asking is the flags of a question.
type asking struct {
	target

	words  *funnelv1.QuestionWords
	file   string
	asJSON bool
	// save and title are the name under which the question is kept, and what people call it.
	save, title string
	// summaryOnly, reasons and reasonProperties are those of drop-offs.
	summaryOnly      bool
	reasons          bool
	reasonProperties []string
	// below is the saved question that is asked, nil where none is.
	below *funnelv1.SavedQuestion
}

func newAsking(w *World) *asking {
	return &asking{target: target{world: w}, words: &funnelv1.QuestionWords{}}
}

// add adds the flags of the question itself.
func (a *asking) add(c *cobra.Command) {
	a.addServer(c)
	a.addSite(c)
	f := c.Flags()
	f.StringArrayVar(&a.words.Step, "step", nil, "a `STEP`; repeat it in order")
	f.StringVar(&a.words.Stages, "stages", "", "stages of the newest map as steps: alone for all, or "+
		"`FROM..TO`, or a list A,B,C (default where no step is given: all)")
	f.Lookup("stages").NoOptDefVal = question.AllStages
	f.StringVar(&a.words.From, "from", "", "`TIME` from which entries count (default -30d)")
	f.StringVar(&a.words.To, "to", "", "`TIME` before which entries count (default now)")
	f.StringVar(&a.words.Window, "window", "", "time allowed from the entry, `LENGTH` (default 14d)")
	f.StringVar(&a.words.RangeMode, "range-mode", "", "`entry`: later steps may fall after the "+
		"range; all: nothing outside is seen (default entry)")
	f.StringVar(&a.words.Reentry, "reentry", "", "`best` or first attempt of a person (default best)")
	f.StringVar(&a.words.AsOf, "as-of", "",
		"see nothing that occurred after this `INSTANT` (default now)")
	f.StringVar(&a.words.Unit, "unit", "", "whose journey it is: `person`, group:TYPE, trait:NAME or "+
		"property:NAME (default person)")
	f.StringArrayVar(&a.words.Filter, "filter", nil, "see only what passes a `CONDITION`; "+
		"repeated: all must hold")
	f.BoolVar(&a.words.CustomersOnly, "customers-only", false, "leave out robots and the site's own "+
		"people: as --filter \"traffic is not set\"")
	f.StringVar(&a.words.Compat, "compat", "", "count as `posthog`, mixpanel or amplitude would; "+
		"flags given beside it win")
	a.addOptions(c)
	f.StringVar(&a.file, "question", "", "`FILE` with a question as JSON (FunnelQuestion), - for "+
		"standard input; flags go over it")
	addJSON(c, &a.asJSON)
	c.Args = cobra.MaximumNArgs(1)
}

// addOptions adds what the question says of attempts.
func (a *asking) addOptions(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&a.words.Order, "order", "", "`ordered`: other touchpoints may lie between the "+
		"steps; strict: none may; any: the steps in any order (default ordered)")
	f.StringVar(&a.words.Count, "count", "", "`once` per person, every attempt or every session "+
		"(default once)")
	f.StringVar(&a.words.Simultaneity, "simultaneity", "", "steps may come in either order where "+
		"their times differ by no more than this `LENGTH` (default 0s)")
	f.StringArrayVar(&a.words.Hold, "hold", nil, "`PROPERTY` whose value must be the entry's; 3 "+
		"times at most")
	f.StringArrayVar(&a.words.Exclude, "exclude", nil, "what must not come: \"`STEP` between 1 and "+
		"3\", and remove behind it; 8 times at most")
}

// addBy adds how the answer is split.
func (a *asking) addBy(c *cobra.Command) {
	c.Flags().StringArrayVar(&a.words.By, "by", nil, "split by a `VALUE` such as persona or "+
		"channel@last; twice at most")
}

// addTrend adds the buckets of entry time.
func (a *asking) addTrend(c *cobra.Command) {
	c.Flags().StringVar(&a.words.Trend, "trend", "", "answer per `hour`, day, week (from Monday), "+
		"week:sunday or month of entry too")
}

// addAnswer adds the flags of questions that are answered with numbers.
func (a *asking) addAnswer(c *cobra.Command) {
	a.addBy(c)
	f := c.Flags()
	f.Uint32Var(&a.words.Limit, "limit", 0, "`most` groups of --by, 1 to 1000 (default 25)")
	f.StringVar(&a.save, "save", "", "keep the question under a `NAME`")
	f.StringVar(&a.title, "title", "", "what people call it, beside --save: a `TEXT`")
}

// addFunnel adds the flags of funnels alone.
func (a *asking) addFunnel(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&a.words.Compare, "compare", "", "set the answer beside `previous`, a range "+
		"FROM..TO, or filter:CONDITION")
	a.addTrend(c)
	f.StringVar(&a.words.TimeToConvert, "time-to-convert", "", "how long it took between two `steps`"+
		", 1..3, with a histogram; 1..3/20: of 20 bins")
}

// addDropOff adds the flags of drop-offs alone.
func (a *asking) addDropOff(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&a.summaryOnly, "summary-only", false,
		"drop-off: leave out where they went, which costs more to find out")
	f.BoolVar(&a.reasons, "reasons", false,
		"drop-off: look for what goes with being lost")
	f.StringArrayVar(&a.reasonProperties, "reason-property", nil, "drop-off: `PROPERTY` whose values "+
		"may be reasons; 5 times at most, with --reasons")
}

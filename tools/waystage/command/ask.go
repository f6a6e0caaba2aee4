package command

import (
	"strings"

	"github.com/spf13/cobra"
)

const askHelp = `Steps are given in order, by --step or by --stages:

  stage:ID            any touchpoint of a stage of the map
  touchpoint:ID       a touchpoint of the map
  event:NAME          an event by its name; "page" and "screen" are pages and screens
  any                 any touchpoint

Conditions stand in brackets behind a step, all of which must hold, and in --filter:

  event:Order Completed[total>100,currency=EUR]

Behind a step may stand, in any order: optional (who leaves it out goes on), within 2h (most
time since the required step before), first (the person's first ever of that name, which must
then pass the conditions) or first-matching (the first that passes them). A name that ends so
stands in double quotes.

  NAME OP VALUE       a property of the touchpoint      total>100
  trait:NAME OP VALUE a trait of the person             trait:plan=pro
  group:TYPE OP VALUE the group of the touchpoint       group:company=acme
  campaign:source, campaign:medium, campaign, persona,
  channel, event, stage, touchpoint, device, browser,
  os, traffic OP VALUE                                  channel=email|social

  =  equal   !=  not equal   ~  contains   !~  contains not   >  >=  <  <=
  NAME?  is set   NAME!?  is not set   =a|b  one of   !=a|b  none of
  in words too: NAME is set   NAME is not set, such as traffic is not set

traffic is bot or internal, and not set for customers.

Numbers, true and false are such; "100" in quotes is a text. property:persona=x means a
property of that name. Names and values with , [ ] | in them stand in double quotes.

--by splits the answer, at most twice: persona, channel, device, browser, os, campaign,
campaign:source, campaign:medium, trait:NAME, property:NAME, variant:EXPERIMENT, group:TYPE.
Behind it stands whose value counts: @first or @last of the touchpoints that match a step,
@person, @all (once per value), @step2 (once per value of step 2).

--order strict lets nothing come between the steps, any takes them in any order. --count
attempt counts every attempt, session the best one of each session. --simultaneity 2s takes
steps whose times differ by no more in either order. --hold PROPERTY, at most 3 times: later
touchpoints must have the entry's value. --exclude, at most 8 times: what must not come between
two steps, by their numbers; a hit ends the attempt there, or with remove makes it void:

  --exclude "event:Order Cancelled between 1 and 3 remove"

--unit says whose journey it is: person, group:TYPE, trait:NAME or property:NAME.
--compare sets the answer beside another one: previous (the same number of days before), a
range such as 2026-10-01..2026-11-01, or filter:CONDITION.

Times are days of the site's time zone (2026-11-21; --to itself is outside), instants
(2026-11-21T09:30:00Z), "now", or a distance from now (-30d, -12h). Lengths of time are
written as 14d, 36h, 1d12h.

@NAME asks a saved question, @NAME@3 its version 3; flags go over it. --save keeps a question
under a name, with times relative to now as they are written.`

func newAsk(w *World) *cobra.Command {
	a := newAsking(w)
	c := group(&cobra.Command{
		Use: "ask [@NAME]", GroupID: groupAsk,
		Short: "Ask funnel questions",
		Long: `Asks how persons travel through an ordered list of steps.

` + askHelp,
		Example: `  waystage ask funnel --stages
  waystage ask funnel --stages search..purchase --by persona --from -7d
  waystage ask dropoff --step touchpoint:cart --step "event:Order Completed[order_total>50]"
  waystage ask persons --stages search..purchase --step-number 2 --part lost --limit 20
  waystage ask @weekly --compare previous`,
	}, newAskFunnel(w), newAskDropOff(w), newAskPersons(w))
	help := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 || !strings.HasPrefix(args[0], "@") {
			return help(c, args)
		}
		return a.run(c, args, a.answerAsSaved)
	}
	a.add(c)
	a.addAnswer(c)
	a.addFunnel(c)
	a.addDropOff(c)
	return c
}

func newAskFunnel(w *World) *cobra.Command {
	a := newAsking(w)
	c := &cobra.Command{
		Use:   "funnel [@NAME]",
		Short: "How many persons reach each step",
		Long: `Draws per step how many persons reached it, the share of those of the previous and of the
first step with its 95 % interval, who was lost, who can still go on, and the median time
from the step before; how long it took between two steps with --time-to-convert; what
entered per hour, day, week or month with --trend; and with --by how much better or worse each
group converts than all others together, with q-values (p-values corrected for the number of
groups).

` + askHelp,
		Example: `  waystage ask funnel
  waystage ask funnel --stages search..purchase --by persona --from -7d
  waystage ask funnel --stages --by channel@last --by device --limit 10
  waystage ask funnel --step "event:Product Viewed" --step "event:Order Completed[order_total>50]"
  waystage ask funnel --stages --filter channel=email --window 3d --json
  waystage ask funnel --stages --from -7d --compare previous --save weekly --title "The week"
  waystage ask funnel --stages --trend week --time-to-convert 1..2
  waystage ask funnel --step event:Cart --step "event:Coupon optional" --step "event:Paid within 2h"
  waystage ask funnel --stages --exclude "event:Cancelled between 1 and 2 remove" --hold cart_id
  waystage ask funnel @weekly --by campaign:source`,
		RunE: func(c *cobra.Command, args []string) error { return a.run(c, args, a.funnel) },
	}
	a.add(c)
	a.addAnswer(c)
	a.addFunnel(c)
	return c
}

func newAskDropOff(w *World) *cobra.Command {
	a := newAsking(w)
	c := &cobra.Command{
		Use:   "dropoff [@NAME]",
		Short: "Who is lost between the steps, where they go instead, and where it is worst",
		Long: `Draws for every two neighbouring steps how many of those who reached the first did not go
on, how many of these are lost and how many still can, and marks the worst place. Below it
stands what they did instead: nothing, a step back, or something else; which touchpoints
came next and last, where they had come from, and which barriers of the map they met.

--reasons looks for what goes with being lost: barriers, touchpoints, events, and the values
of each --reason-property, in the time that those who went on took. Odds of ×3 mean that who
met it is lost three times as readily; that is no proof that it is the cause.

` + askHelp,
		Example: `  waystage ask dropoff
  waystage ask dropoff --stages desire..purchase --by persona
  waystage ask dropoff --step touchpoint:cart --step "event:Order Completed" --summary-only
  waystage ask dropoff --stages --reasons --reason-property payment_method
  waystage ask dropoff @leaving`,
		RunE: func(c *cobra.Command, args []string) error { return a.run(c, args, a.dropOff) },
	}
	a.add(c)
	a.addAnswer(c)
	a.addDropOff(c)
	return c
}

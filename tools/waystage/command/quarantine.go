package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/proto/question"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// meantMessages says which refused messages a command means.
type meantMessages struct {
	target

	reason, key, from, to string
	replayed              bool
	asJSON                bool
}

func (r *meantMessages) add(c *cobra.Command) {
	r.addServer(c)
	r.addSite(c)
	f := c.Flags()
	f.StringVar(&r.reason, "reason", "", "only those refused for this `reason`")
	f.StringVar(&r.key, "key", "", "only those that came with the write key of this `id`")
	f.StringVar(&r.from, "from", "", "received at or after: an instant, a `day` in UTC, or -1d "+
		"(default: 30 days before --to)")
	f.StringVar(&r.to, "to", "", "received before: as `--from` (default: now)")
	f.BoolVar(&r.replayed, "all", false, "also those that were taken after a fix")
	addJSON(c, &r.asJSON)
}

// filter is what the flags say.
func (r *meantMessages) filter() (*collectv1.QuarantineFilter, error) {
	f := &collectv1.QuarantineFilter{
		Reason: r.reason, KeyId: r.key, IncludeReplayed: r.replayed,
	}
	var err error
	if f.FromTime, err = r.bound("--from", r.from); err != nil {
		return nil, err
	}
	f.ToTime, err = r.bound("--to", r.to)
	return f, err
}

func (r *meantMessages) bound(flag, text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	bound, err := question.ParseBound(text, r.world.Now())
	if err != nil {
		return nil, usage("%s %w", flag, err)
	}
	if bound.Date != "" {
		if bound.At, err = time.Parse(time.DateOnly, bound.Date); err != nil {
			return nil, usage("%s %w", flag, err)
		}
	}
	return timestamppb.New(bound.At), nil
}

func newQuarantine(w *World) *cobra.Command {
	r := &meantMessages{target: target{world: w}}
	var limit int
	c := &cobra.Command{
		Use: "quarantine", GroupID: groupSend,
		Short: "See what was refused, and try it again",
		Long: `Lists messages that came with a known write key and were refused: how many for which
reason, and the newest of them with their ids. They are kept for 90 days. What each reason
means and what to do stands in docs/errors.md. Payloads hold what sites have sent, so this
needs an admin token.`,
		Example: `  waystage quarantine
  waystage quarantine --reason no_identity --from -1d --limit 0 --json
  waystage quarantine show 3f5a7c9e1b2d4f608a7c9e1b2d4f6081
  waystage quarantine replay --reason bad_time --dry-run`,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage("--limit %d: give 1 or more, or 0 for all", limit)
			}
			return r.list(c.Context(), limit)
		},
	}
	r.add(c)
	c.Flags().IntVar(&limit, "limit", 20, "at most so `many`; 0: all")
	c.AddCommand(newQuarantineShow(w), newQuarantineReplay(w))
	return c
}

func (r *meantMessages) list(ctx context.Context, limit int) error {
	filter, err := r.filter()
	if err != nil {
		return err
	}
	client, err := r.client(administration)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	all, err := refusedPages(ctx, client, &collectv1.ListQuarantinedMessagesRequest{
		Parent: r.parent(), Filter: filter,
	}, limit)
	switch {
	case err != nil:
		return err
	case r.asJSON:
		return writeMessage(r.world.Stdout, all)
	}
	return r.world.paper().Quarantine(r.world.Stdout, all)
}

// refusedPages gathers refused messages, at most limit of them, 0 being all; next_page_token is
// left where there are more.
func refusedPages(
	ctx context.Context, client *remote.Client,
	request *collectv1.ListQuarantinedMessagesRequest, limit int,
) (*collectv1.ListQuarantinedMessagesResponse, error) {
	all := &collectv1.ListQuarantinedMessagesResponse{}
	for {
		request.PageSize = pageSize
		if limit > 0 {
			request.PageSize = uint32(min(pageSize, limit-len(all.Messages))) //nolint:gosec // bounded
		}
		page, err := client.Quarantine.ListQuarantinedMessages(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("listing refused messages: %w", err)
		}
		if request.PageToken == "" {
			all.Reasons = page.GetReasons()
		}
		all.Messages = append(all.Messages, page.GetMessages()...)
		all.NextPageToken = page.GetNextPageToken()
		request.PageToken = all.NextPageToken
		if request.PageToken == "" || limit > 0 && len(all.Messages) >= limit {
			return all, nil
		}
	}
}

// quarantinedName is the whole name of a refused message that is given by its id or its name.
func (t *target) quarantinedName(message string) string {
	if strings.Contains(message, "/") {
		return message
	}
	return t.parent() + "/quarantinedMessages/" + message
}

func newQuarantineShow(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show a refused message with its payload",
		Long: `Shows one refused message: why it was refused, what to do, and the payload as it came, less
the properties that the site denies. ID is as "quarantine" lists it, or the whole name,
sites/SITE/quarantinedMessages/ID.`,
		Example: "  waystage quarantine show 3f5a7c9e1b2d4f608a7c9e1b2d4f6081 --site shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := t.client(administration)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			answer, err := client.Quarantine.GetQuarantinedMessage(c.Context(),
				&collectv1.GetQuarantinedMessageRequest{Name: t.quarantinedName(args[0])})
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeMessage(w.Stdout, answer)
			}
			return w.paper().Quarantined(w.Stdout, answer.GetMessage())
		},
	}
	t.addServer(c)
	t.addSite(c)
	addJSON(c, &asJSON)
	return c
}

func newQuarantineReplay(w *World) *cobra.Command {
	r := &meantMessages{target: target{world: w}}
	var dryRun bool
	c := &cobra.Command{
		Use:   "replay [ID]",
		Short: "Try refused messages again after a fix",
		Long: `Judges refused messages again, oldest first, by the rules and settings of now: one by its
ID, or all that the flags name. Those that may enter now count as received when they first
were, once, however often they are replayed, and leave the quarantine within seconds. The
others stay. --dry-run only tells what would become of them.`,
		Example: `  waystage quarantine replay --dry-run
  waystage quarantine replay --reason no_consent --from -1d
  waystage quarantine replay 3f5a7c9e1b2d4f608a7c9e1b2d4f6081`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			request, err := r.replayRequest(c, args)
			if err != nil {
				return err
			}
			request.DryRun = dryRun
			return r.replay(c.Context(), request)
		},
	}
	r.add(c)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only judge: nothing is taken")
	return c
}

// replayPart is how many messages are tried in one call, so that progress can be told.
const replayPart = 2000

func (r *meantMessages) replayRequest(
	c *cobra.Command, args []string,
) (*collectv1.ReplayQuarantinedMessagesRequest, error) {
	request := &collectv1.ReplayQuarantinedMessagesRequest{
		Parent: r.parent(), MaxMessages: replayPart,
	}
	filter, err := r.filter()
	if err != nil {
		return nil, err
	}
	if len(args) == 1 {
		for _, flag := range []string{"reason", "key", "from", "to", "all"} {
			if c.Flags().Changed(flag) {
				return nil, usage("--%s stands beside an ID: give one of the two", flag)
			}
		}
		request.Name = r.quarantinedName(args[0])
		return request, nil
	}
	if filter.ToTime == nil { // those that come meanwhile are not meant
		filter.ToTime = timestamppb.New(r.world.Now())
	}
	request.Filter = filter
	return request, nil
}

// replay calls until all that is meant was tried, and reports.
func (r *meantMessages) replay(
	ctx context.Context, request *collectv1.ReplayQuarantinedMessagesRequest,
) error {
	client, err := r.client(administration)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	told := newReplayProgress(r.world, r.asJSON)
	sum := &collectv1.ReplayQuarantinedMessagesResponse{}
	for {
		part, err := client.Quarantine.ReplayQuarantinedMessages(ctx, request)
		if err != nil {
			told.end()
			r.soFar(sum)
			return fmt.Errorf("replaying refused messages: %w", err)
		}
		picture.AddReplayed(sum, part)
		request.PageToken = part.GetNextPageToken()
		told.tried(sum)
		if request.PageToken == "" {
			break
		}
	}
	told.end()
	if r.asJSON {
		return writeMessage(r.world.Stdout, sum)
	}
	return r.world.paper().Replayed(r.world.Stdout, sum, request.GetDryRun())
}

// soFar tells what a replay that broke off has done.
func (r *meantMessages) soFar(sum *collectv1.ReplayQuarantinedMessagesResponse) {
	if n := picture.Tried(sum); n > 0 {
		fmt.Fprintf(r.world.Stderr, "broke off after %s messages, %s of them accepted; "+
			"replaying them again changes nothing\n",
			picture.Number(n), picture.Number(sum.GetAccepted()))
	}
}

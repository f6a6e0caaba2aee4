package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/proto/question"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// listing is the flags of a list of persons.
type listing struct {
	*asking

	step    uint32
	bucket  string
	part    string
	persona string
	group   []string
	other   bool
	limit   int
}

func newAskPersons(w *World) *cobra.Command {
	l := &listing{asking: newAsking(w)}
	c := &cobra.Command{
		Use:   "persons [@NAME]",
		Short: "Which persons are behind a number of a funnel",
		Long: `Lists the persons that a number of a funnel counts, by person id: who they are, their
persona, what became of the attempt that counts, and when each step was filled. Where
--unit says whose journey it is, lists the units by their value.

--part says which number of step --step-number is meant: reached (its count), lost,
in-window, or dropped (lost and in-window together). --group takes the group of a
breakdown, one value per --by in their order; (none) stands for a missing value. --other
takes all other groups, those past --groups, and says of each person in which of them.
--bucket takes one bucket of --trend. With --count attempt or session a person is there
once per attempt.

` + askHelp,
		Example: `  waystage ask persons --stages search..purchase --step-number 2 --part lost
  waystage ask persons --step touchpoint:cart --step stage:purchase --persona families --limit 0
  waystage ask persons --stages --by channel --by device --group email --group mobile
  waystage ask persons --stages --by property:city --groups 10 --other
  waystage ask persons --stages --trend month --bucket 2026-11-01 --step-number 2
  waystage ask persons @weekly --step-number 3 --part dropped
  waystage ask persons --stages --step-number 9 --json`,
		RunE: func(c *cobra.Command, args []string) error { return l.list(c, args) },
	}
	l.add(c)
	l.addBy(c)
	l.addTrend(c)
	f := c.Flags()
	f.Uint32Var(&l.step, "step-number", 1, "`number` of the step, from 1")
	f.StringVar(&l.part, "part", "reached",
		"`number` of the step: reached, lost, in-window or dropped")
	f.StringVar(&l.persona, "persona", "", "only those of this `persona`; unassigned: those of none")
	f.StringArrayVar(&l.group, "group", nil, "only those of the group with this `VALUE`; repeat it "+
		"where --by is")
	f.BoolVar(&l.other, "other", false, "only those of all other groups: those past --groups")
	f.Uint32Var(&l.words.Limit, "groups", 0, "`most` groups of --by, 1 to 1000 (default 25)")
	f.StringVar(&l.bucket, "bucket", "", "only those who count in the bucket of --trend that begins "+
		"at this `TIME` of UTC, as the answer of funnel has it")
	f.IntVar(&l.limit, "limit", 100, "at most so `many`; 0: all")
	return c
}

func (l *listing) list(c *cobra.Command, args []string) error {
	part, err := question.ParsePart(l.part)
	if err != nil {
		return usageError{fmt.Errorf("--part %w", err)}
	}
	if l.limit < 0 {
		return usage("--limit %d: give 1 or more, or 0 for all", l.limit)
	}
	bucket, err := bucketTime(l.bucket)
	if err != nil {
		return err
	}
	switch {
	case l.persona != "" && len(l.group) > 0:
		return usage("give the group by --persona or by --group, not by both")
	case l.other && (l.persona != "" || len(l.group) > 0):
		return usage("give the group by --persona or --group, or --other, not both")
	}
	if l.persona != "" && len(l.words.GetBy()) == 0 {
		l.words.By = []string{"persona"}
	}
	return l.run(c, args, func(ctx context.Context, client *remote.Client, in inquiry) error {
		answer, err := l.pages(ctx, client, &funnelv1.ListFunnelPersonsRequest{
			Parent: l.parent(), Question: in.question, Words: in.words, Saved: in.saved,
			Step: l.step, Selection: part, Group: l.values(), Other: l.other,
			Bucket: bucket,
		})
		return l.show(answer, err, func(out io.Writer) error {
			return l.paper(in).Persons(out, picture.Persons{
				List: answer.GetPersons(), Total: answer.GetTotalSize(), Facts: answer.GetFacts(),
			}, l.world.Now())
		})
	})
}

// bucketTime reads the beginning of a bucket as pictures and answers have it; nil for none.
func bucketTime(text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // none is meant
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return timestamppb.New(at), nil
		}
	}
	return nil, usage("--bucket %q: write when it begins as the answer has it: 2026-11-21, "+
		"2026-11-21 23:00 or 2026-11-21T23:00:00Z", text)
}

// values are those of the group that is meant, none for all groups.
func (l *listing) values() []*funnelv1.GroupValue {
	if l.persona != "" {
		return []*funnelv1.GroupValue{{Value: l.persona}}
	}
	var values []*funnelv1.GroupValue
	for _, text := range l.group {
		v := &funnelv1.GroupValue{Value: text}
		if text == picture.None {
			v = &funnelv1.GroupValue{Missing: true}
		}
		values = append(values, v)
	}
	return values
}

// personPage is how many persons are asked for at once.
const personPage = 10000

// pages gathers persons, at most as many as the limit says, 0 being all; next_page_token is left
// where there are more.
func (l *listing) pages(
	ctx context.Context, client *remote.Client, request *funnelv1.ListFunnelPersonsRequest,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	watch := watch{world: l.world, began: l.world.Now()}
	defer watch.end()
	var all *funnelv1.ListFunnelPersonsResponse
	for {
		request.PageSize = personPage
		if l.limit > 0 {
			left := l.limit - len(all.GetPersons())
			request.PageSize = uint32(min(personPage, left)) //nolint:gosec // bounded
		}
		page, err := l.askPersons(ctx, client, request)
		if err != nil {
			return nil, fmt.Errorf("listing persons: %w", err)
		}
		if all != nil {
			page.Persons = append(all.Persons, page.Persons...)
		}
		all = page
		listed, whole := len(all.Persons), int(all.GetTotalSize())
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" || l.limit > 0 && listed >= l.limit {
			return all, nil
		}
		if l.limit > 0 {
			whole = min(whole, l.limit)
		}
		watch.listed(listed, whole)
	}
}

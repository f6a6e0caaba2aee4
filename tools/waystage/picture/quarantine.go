package picture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// Quarantine draws how many messages were refused for which reason, and a list of them.
func (p Paper) Quarantine(w io.Writer, a *collectv1.ListQuarantinedMessagesResponse) error {
	d := &drawing{Paper: p}
	if len(a.GetReasons()) == 0 {
		d.line("no such message is in quarantine")
		return d.to(w)
	}
	total := d.reasons(a.GetReasons())
	d.line("")
	d.line("%s", p.paint(dim, fit("received (UTC)", instantColumns)+" "+
		fit("reason", reasonColumns(a))+" id"))
	for _, m := range a.GetMessages() {
		d.line("%s %s %s", instant(m.GetReceivedAt().AsTime()),
			fit(m.GetReason(), reasonColumns(a)), path.Base(m.GetName()))
		detail := m.GetDetail()
		if m.GetReplayedAt() != nil {
			detail = "taken " + instant(m.GetReplayedAt().AsTime()) + " UTC"
		}
		d.line("%s", p.paint(dim, fit("  "+detail, d.width())))
	}
	if shown := uint64(len(a.GetMessages())); shown < total {
		d.line("%s", p.paint(dim, fmt.Sprintf("%s of %s are shown, the newest", Number(shown),
			Number(total))))
	}
	return d.to(w)
}

const (
	instantColumns = len("2006-01-02 15:04:05")
	idColumns      = 32
)

// reasonColumns leaves room for an instant and an id.
func reasonColumns(a *collectv1.ListQuarantinedMessagesResponse) int {
	var reasons []string
	for _, m := range a.GetMessages() {
		reasons = append(reasons, m.GetReason())
	}
	return widest(reasons, len("reason"), DefaultWidth-instantColumns-idColumns-2)
}

// reasons draws a bar for each reason and gives the sum.
func (d *drawing) reasons(counts []*collectv1.ReasonCount) (total uint64) {
	var names []string
	var most uint64
	columns := 0
	for _, c := range counts {
		names = append(names, c.GetReason())
		most, total = max(most, c.GetCount()), total+c.GetCount()
		columns = max(columns, len(Number(c.GetCount())))
	}
	name := widest(names, 8, d.width()/2)
	for _, c := range counts {
		room := d.width() - name - columns - 2
		d.line("%s %s %s", d.paint(bold, fit(c.GetReason(), name)),
			right(Number(c.GetCount()), columns),
			d.paint(red, Bar(float64(c.GetCount())/float64(max(most, 1)), room)))
	}
	return total
}

// Quarantined draws one refused message with its payload.
func (p Paper) Quarantined(w io.Writer, m *collectv1.QuarantinedMessage) error {
	d := &drawing{Paper: p}
	d.said("message", m.GetName())
	d.said("received", instant(m.GetReceivedAt().AsTime())+" UTC")
	d.said("refused by", m.GetStageOfRefusal())
	d.said("reason", m.GetReason())
	d.listed("detail", wrap(m.GetDetail(), d.width()-saidColumns-1, 0))
	d.said("came by", fmt.Sprintf("%s, place %d of its batch", m.GetSource(), m.GetBatchIndex()))
	if m.GetKeyId() != "" {
		d.said("write key", m.GetKeyId())
	}
	if m.GetSentAt() != nil {
		d.said("sent", instant(m.GetSentAt().AsTime())+" UTC")
	}
	if m.GetReplayedAt() != nil {
		d.said("taken", instant(m.GetReplayedAt().AsTime())+" UTC, after a fix")
	}
	if m.GetBatchContextJson() != "" {
		d.said("context", "of its batch:")
		d.payload([]byte(m.GetBatchContextJson()))
	}
	switch {
	case m.GetPayloadWithheld():
		d.said("payload", "not kept: the site's privacy settings forbid it")
		return d.to(w)
	case m.GetPayloadTruncated():
		d.said("payload", "cut; it cannot be replayed. What is kept:")
	default:
		d.said("payload", "")
	}
	d.payload(m.GetPayload())
	return d.to(w)
}

// payload writes JSON with a member a line, and anything else as it is but for what could move
// the terminal's cursor.
func (d *drawing) payload(payload []byte) {
	var shown bytes.Buffer
	if json.Indent(&shown, payload, "", "  ") != nil {
		shown.Reset()
		shown.Write(payload)
	}
	text := strings.ToValidUTF8(shown.String(), "\uFFFD")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		d.line("%s", plain(line))
	}
}

// Tried is how many messages a replay tried.
func Tried(a *collectv1.ReplayQuarantinedMessagesResponse) uint64 {
	n := a.GetAccepted() + a.GetUnreplayable()
	for _, c := range a.GetRefused() {
		n += c.GetCount()
	}
	return n
}

// AddReplayed adds a part of a replay to the sum of those before.
func AddReplayed(sum, part *collectv1.ReplayQuarantinedMessagesResponse) {
	sum.Accepted += part.GetAccepted()
	sum.Unreplayable += part.GetUnreplayable()
	for _, c := range part.GetRefused() {
		i := slices.IndexFunc(sum.GetRefused(), func(s *collectv1.ReasonCount) bool {
			return s.GetReason() == c.GetReason()
		})
		if i < 0 {
			sum.Refused = append(sum.Refused, &collectv1.ReasonCount{Reason: c.GetReason()})
			i = len(sum.Refused) - 1
		}
		sum.Refused[i].Count += c.GetCount()
	}
	slices.SortStableFunc(sum.GetRefused(), func(a, b *collectv1.ReasonCount) int {
		return int(b.GetCount()) - int(a.GetCount()) //nolint:gosec // far from its bounds
	})
}

// Replayed draws what became of the messages of a replay.
func (p Paper) Replayed(
	w io.Writer, a *collectv1.ReplayQuarantinedMessagesResponse, dryRun bool,
) error {
	d := &drawing{Paper: p}
	if Tried(a) == 0 {
		d.line("no such message is in quarantine")
		return d.to(w)
	}
	accepted := "accepted"
	if dryRun {
		accepted = "would be accepted"
	}
	d.line("%s tried: %s", Number(Tried(a)), p.paint(green, Number(a.GetAccepted())+" "+accepted))
	if n := a.GetUnreplayable(); n > 0 {
		d.line("%s cannot be tried: they are cut, withheld, or refused by the processor", Number(n))
	}
	if len(a.GetRefused()) > 0 {
		d.line("still refused:")
		d.reasons(a.GetRefused())
	}
	return d.to(w)
}

package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/stream"
)

const kafkaPart = "kafka"

func lookAtKafka(ctx context.Context, c Config, tell teller) {
	if len(c.Brokers) == 0 {
		tell.skip(kafkaPart, "address",
			"no brokers are known: set WAYSTAGE_KAFKA_BROKERS, as for the services")
		return
	}
	names := make([]string, len(c.Topics))
	for i, t := range c.Topics {
		names[i] = t.Name
	}
	state, err := stream.Describe(ctx, c.Brokers, names)
	if err != nil {
		tell.judge(kafkaPart, "brokers", Fail, "start Kafka, or set WAYSTAGE_KAFKA_BROKERS to "+
			"where it is; what ingest has answered with success is on it",
			"%s do not answer: %v", strings.Join(c.Brokers, ", "), err)
		return
	}
	tell.fine(kafkaPart, "brokers", "%d of the cluster answer, asked by %s", state.Brokers,
		strings.Join(c.Brokers, ", "))
	for _, wanted := range c.Topics {
		lookAtTopic(ctx, c, tell, state, wanted)
	}
}

func lookAtTopic(ctx context.Context, c Config, tell teller, state stream.State, wanted Topic) {
	about := wanted.Title + " topic"
	for _, t := range state.Topics {
		if t.Name != wanted.Name {
			continue
		}
		do, failing := topicAdvice(t, wanted, state.Brokers)
		level := Warn
		if failing {
			level = Fail
		}
		tell.judge(kafkaPart, about, level, do, "%s: %s", t.Name, topicText(t))
		lookAtLag(ctx, c, tell, wanted)
		return
	}
	tell.judge(kafkaPart, about, Fail, "start the processor: it makes its topics; or make it by hand",
		"%s is not there", wanted.Name)
}

func topicText(t stream.TopicState) string {
	text := fmt.Sprintf("%d partitions, %d copies, %d in sync", t.Partitions, t.Replication, t.InSync)
	if kept, ok := milliseconds(t.Settings["retention.ms"]); ok {
		text += ", kept for " + days(kept)
	} else if t.Settings["retention.ms"] == "-1" {
		text += ", kept for ever"
	}
	return text
}

// topicAdvice says what is to be done about a topic, most pressing first.
func topicAdvice(t stream.TopicState, wanted Topic, brokers int) (do string, failing bool) {
	kept, limited := milliseconds(t.Settings["retention.ms"])
	inSync, _ := strconv.Atoi(t.Settings["min.insync.replicas"])
	largest, _ := strconv.ParseInt(t.Settings["max.message.bytes"], 10, 64)
	switch {
	case t.Leaderless > 0:
		return fmt.Sprintf("%d partitions have no leader and take no messages: bring their brokers "+
			"back", t.Leaderless), true
	case strings.Contains(t.Settings["cleanup.policy"], "compact"):
		return "set cleanup.policy=delete: compaction removes messages of one person", true
	case largest > 0 && largest < leastMessageBytes:
		return fmt.Sprintf("set max.message.bytes to %d or more: ingest writes batches of that size",
			leastMessageBytes), true
	case t.InSync < t.Replication:
		return "a broker is behind or away: look at it before another one fails", false
	case limited && kept < wanted.Retention:
		return fmt.Sprintf("set retention.ms to %d or more: a processor that stands still for longer "+
			"loses messages", wanted.Retention.Milliseconds()), false
	case brokers >= 3 && t.Replication < 3:
		return "give it 3 copies: the cluster has the brokers for them", false
	case t.Replication >= 3 && inSync < 2:
		return "set min.insync.replicas=2, so that what was acknowledged is on two brokers", false
	}
	return "", false
}

// leastMessageBytes is more than a producer of ours puts into one batch of records, 900,000.
const leastMessageBytes = 1_000_000

// milliseconds reads a setting; a number that is not above 0 is no limit.
func milliseconds(setting string) (time.Duration, bool) {
	n, err := strconv.ParseInt(setting, 10, 64)
	if err != nil || n <= 0 || n > int64(1<<63-1)/int64(time.Millisecond) {
		return 0, false
	}
	return time.Duration(n) * time.Millisecond, true
}

func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// manyBehind is how many records nobody should be behind for long: a minute of a processor.
const manyBehind = 400_000

func lookAtLag(ctx context.Context, c Config, tell teller, t Topic) {
	if t.Group == "" {
		return
	}
	about := t.Title + " lag"
	lag, err := stream.Lag(ctx, c.Brokers, t.Group, t.Name)
	if err != nil {
		tell.judge(kafkaPart, about, Warn, "ask again; if it stays, look at the brokers",
			"it cannot be told: %s", fault.Message(err))
		return
	}
	var behind int64
	for _, n := range lag {
		behind += n
	}
	do := ""
	if behind > manyBehind {
		do = "see whether a processor runs and what it logs; start more of them, at most one per " +
			"partition"
	}
	tell.judge(kafkaPart, about, Warn, do, "%d records are not stored yet by %s", behind, t.Group)
}

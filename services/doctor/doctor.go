// Package doctor examines an installation: the services, Kafka, ClickHouse, clocks, disks,
// versions, and how far processing is behind. It changes nothing, and says of everything that is
// not well what to do about it.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/waystage/waystage/services/internal/conf"
)

// State is how something is.
type State string

// The states. Fine: nothing to do. Warn: it works, but something should be done. Fail: it does not
// work. Skip: it was not looked at, and why.
const (
	Fine State = "fine"
	Warn State = "warning"
	Fail State = "failure"
	Skip State = "skipped"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Part is whose it is: this machine, ingest, query, kafka, clickhouse or site.
	Part string `json:"part"`
	// About is what was looked at, in one or two words.
	About string `json:"about"`
	State State  `json:"state"`
	// Says is what was found; Do is what to do about it, empty where nothing is to be done.
	Says string `json:"says"`
	Do   string `json:"do,omitempty"`
}

// Config says what to examine. What is empty is skipped.
type Config struct {
	// Ingest and Query are base URLs, IngestGRPC and QueryGRPC host:port.
	Ingest, IngestGRPC, Query, QueryGRPC string
	// Brokers are host:port, ClickHouse is a DSN.
	Brokers    []string
	ClickHouse string
	// Topics and how the installation wants them.
	Topics []Topic
	// Dir is the data folder on this machine.
	Dir string
	// Now is this machine's clock.
	Now func() time.Time
}

// Topic is a topic and who reads it.
type Topic struct {
	// Title is what people call it.
	Title, Name, Group string
	// Retention is how long its records are needed.
	Retention time.Duration
}

// Version is that of this program; services tell theirs.
func Version() string { return conf.Version() }

// partTimeout bounds the look at one part.
const partTimeout = 15 * time.Second

// Examine looks at everything, one part after the other, and tells each finding as soon as it is
// made.
func Examine(ctx context.Context, c Config, tell func(Finding)) {
	for _, look := range []func(context.Context, Config, teller){
		lookAtMachine, lookAtIngest, lookAtQuery, lookAtKafka, lookAtClickHouse,
	} {
		part, cancel := context.WithTimeout(ctx, partTimeout)
		look(part, c, tell)
		cancel()
	}
}

// teller takes findings.
type teller func(Finding)

func (t teller) fine(part, about, format string, args ...any) {
	t(Finding{Part: part, About: about, State: Fine, Says: fmt.Sprintf(format, args...)})
}

func (t teller) skip(part, about, why string) {
	t(Finding{Part: part, About: about, State: Skip, Says: why})
}

// judge is fine where do is empty, else of a state.
func (t teller) judge(part, about string, state State, do, format string, args ...any) {
	if do == "" {
		state = Fine
	}
	t(Finding{Part: part, About: about, State: state, Says: fmt.Sprintf(format, args...), Do: do})
}

// Limits of what is fine.
const (
	// fewBytes of a disk, or lowShare of it, are little; noBytes are none.
	fewBytes = 10 << 30
	noBytes  = 1 << 30
	lowShare = 0.1
	// skewWarn and skewFail are differences of clocks: ingest corrects times of senders beyond two
	// minutes, and refuses those of more than a day ahead.
	skewWarn = 2 * time.Second
	skewFail = 2 * time.Minute
	// manyParts is when ClickHouse gets slow; it refuses inserts at 3,000.
	manyParts = 300
)

// disk judges free space.
func (t teller) disk(part, name string, free, total uint64) {
	state, do := Warn, ""
	switch {
	case free < noBytes:
		state = Fail
		do = "make room now, or move the data: writing stops when the disk is full"
	case free < fewBytes && float64(free) < lowShare*float64(total):
		do = "make room, or move the data to a larger disk"
	}
	t.judge(part, "disk", state, do, "%s: %s free of %s", name, size(free), size(total))
}

// clock judges the difference between a clock and this machine's.
func (t teller) clock(part string, ahead, precision time.Duration) {
	state, do := Warn, ""
	if off := ahead.Abs() - precision; off > skewWarn {
		do = "set the clocks by NTP on both machines"
		if off > skewFail {
			state = Fail
		}
	}
	says := "agrees with this machine's"
	if do != "" {
		says = fmt.Sprintf("%v ahead of this machine's", ahead.Round(time.Millisecond))
		if ahead < 0 {
			says = fmt.Sprintf("%v behind this machine's", -ahead.Round(time.Millisecond))
		}
	}
	t.judge(part, "clock", state, do, "%s", says)
}

// size is a number of bytes as people read it.
func size(bytes uint64) string {
	const unit = 1024
	value, units := float64(bytes), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	for value >= unit && len(units) > 1 {
		value, units = value/unit, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}

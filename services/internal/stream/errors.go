package stream

import (
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// PartialError tells which records of one Produce call were not acknowledged. A record that is
// named may be in the log all the same (its acknowledgement may have been lost); a record that is
// not named is in the log on every in-sync replica.
type PartialError struct {
	// Failed are the indices of the call's records, ascending, at least one.
	Failed []int
	// Cause is the error of the first failed record that may be retried, or of the first one.
	Cause error

	causes []error
}

func newPartialError(failed []int, causes []error) *PartialError {
	first := max(0, slices.IndexFunc(causes, fault.Retryable))
	return &PartialError{Failed: failed, Cause: causes[first], causes: causes}
}

// At gives the error of the record with that index in the call: TooLarge, Unavailable or
// Internal, and nil for a record that was acknowledged.
func (e *PartialError) At(index int) error {
	i, found := slices.BinarySearch(e.Failed, index)
	if !found {
		return nil
	}
	if i < len(e.causes) {
		return e.causes[i]
	}
	return e.Cause
}

// Error names the number of records and the cause.
func (e *PartialError) Error() string {
	return fmt.Sprintf("%d records not acknowledged: %v", len(e.Failed), e.Cause)
}

// Unwrap gives Cause, so that fault.Of tells its kind.
func (e *PartialError) Unwrap() error { return e.Cause }

// unavailable makes an error of kind Unavailable, but leaves an error that has a kind alone.
func unavailable(err error, format string, args ...any) error {
	if _, known := errors.AsType[*fault.Error](err); err == nil || known {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, format, args...)
}

// classify turns an answer of a broker into a fault. What the broker calls permanent will not get
// better by trying again, everything else may.
func classify(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	code, answered := errors.AsType[kafka.Error](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafka.MessageSizeTooLarge):
		return fault.Wrap(fault.TooLarge, err, "the record is larger than its topic allows")
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return fault.Wrap(fault.Unavailable, err, "%s: the topic does not exist (yet)", what)
	case answered && !code.Temporary():
		return fault.Wrap(fault.Internal, err, "%s: Kafka refuses", what)
	}
	return unavailable(err, "%s: Kafka is away; try again", what)
}

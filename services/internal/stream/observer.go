package stream

import "time"

// Observer is told what a Consumer goes through, for logs and counters. Every function may be nil.
// They are called by several goroutines at a time and should return soon.
type Observer struct {
	// OnAssigned tells that the member owns these partitions from now on, ascending; there may
	// be none, when there are more members than partitions.
	OnAssigned func(partitions []int)
	// OnRevoked tells that it owns them no more. It follows each OnAssigned, after the last
	// batch was handled and committed.
	OnRevoked func(partitions []int)
	// OnRetry tells that a step went wrong and will be tried again after that time. The error
	// says which step; that of the Handler is wrapped in it. Time 0: not tried again by this
	// member, because the partitions are no longer its own; they are read again by the next.
	OnRetry func(err error, wait time.Duration)
	// OnLost tells that records were gone before they were read, from the first offset up to
	// but not including the second. Where the second is smaller, the partition's log was
	// replaced by a shorter one, and reading goes on at its beginning.
	OnLost func(partition int, from, to int64)
}

func (o Observer) assigned(partitions []int) {
	if o.OnAssigned != nil {
		o.OnAssigned(partitions)
	}
}

func (o Observer) revoked(partitions []int) {
	if o.OnRevoked != nil {
		o.OnRevoked(partitions)
	}
}

func (o Observer) retry(err error, wait time.Duration) {
	if o.OnRetry != nil {
		o.OnRetry(err, wait)
	}
}

func (o Observer) lost(partition int, from, to int64) {
	if o.OnLost != nil {
		o.OnLost(partition, from, to)
	}
}

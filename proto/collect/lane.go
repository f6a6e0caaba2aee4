package collect

import (
	"slices"
	"sync"
	"time"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// lane sends messages in their order, one batch at a time.
type lane struct {
	client *Client
	// wake tells that there may be something to do.
	wake chan struct{}

	mutex sync.Mutex
	// waiting are the messages that are not settled, those under way first.
	waiting []*item
	// added and settled count messages; up to the number hurry none waits for company.
	added, settled, hurry uint64
}

func (l *lane) add(it *item) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.waiting = append(l.waiting, it)
	l.added++
	l.nudge()
}

// nudge wakes the lane.
func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// hasten has all that waits sent at once, and gives how many were ever added.
func (l *lane) hasten() uint64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.hurry = l.added
	l.nudge()
	return l.added
}

func (l *lane) settledCount() uint64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.settled
}

// left are the messages that are not settled, in their order.
func (l *lane) left() []*collectv1.Message {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return messagesOf(l.waiting)
}

// run sends batches until the client is cut.
func (l *lane) run() {
	for {
		batch := l.next()
		if batch == nil {
			return
		}
		results, err := l.deliver(batch)
		if err != nil {
			return
		}
		l.settle(batch, results)
	}
}

// next waits for a batch, nil when the client is cut.
func (l *lane) next() []*item {
	for {
		batch, wait := l.due(time.Now())
		if batch != nil {
			return batch
		}
		var company <-chan time.Time
		if wait > 0 {
			company = time.After(wait)
		}
		select {
		case <-l.wake:
		case <-company:
		case <-l.client.cutting.Done():
			return nil
		}
	}
}

// due is the next batch, nil if it can wait for company: then it gives how long, 0 if nothing is
// there.
func (l *lane) due(now time.Time) (batch []*item, wait time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.waiting) == 0 {
		return nil, 0
	}
	n, full := l.fitting()
	wait = l.client.settings.linger - now.Sub(l.waiting[0].at)
	if !full && wait > 0 && l.hurry <= l.settled {
		return nil, wait
	}
	return slices.Clone(l.waiting[:n]), 0
}

// fitting is how many of those that wait fit into a batch, and whether it is full.
func (l *lane) fitting() (n int, full bool) {
	bytes := 0
	for n < len(l.waiting) && n < l.client.settings.batchMessages {
		if bytes += l.waiting[n].bytes; bytes > maxBatchBytes {
			return n, true
		}
		n++
	}
	return n, n == l.client.settings.batchMessages
}

// settle forgets a batch that the server has. There is room for others before refusals are heard
// of, so that who hears can send; it is settled only afterwards, so that who flushes has heard.
func (l *lane) settle(batch []*item, results []*collectv1.Result) {
	var weight int64
	for _, it := range batch {
		weight += it.weight
	}
	l.client.room.Release(weight)
	l.hearRefused(batch, results)
	l.mutex.Lock()
	l.waiting = slices.Delete(l.waiting, 0, len(batch))
	l.settled += uint64(len(batch))
	l.mutex.Unlock()
	l.client.tell()
}

func (l *lane) hearRefused(batch []*item, results []*collectv1.Result) {
	refused := l.client.settings.refused
	if refused == nil {
		return
	}
	for i, result := range results {
		if result.GetRefusal() != nil {
			refused(batch[i].message, result.GetRefusal())
		}
	}
}

func messagesOf(items []*item) []*collectv1.Message {
	messages := make([]*collectv1.Message, len(items))
	for i, it := range items {
		messages[i] = it.message
	}
	return messages
}
